import { ConfigModule as NestConfigModule, ConfigService } from '@nestjs/config';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Settings } from './settings.js';

/** Key of our settings inside @nestjs/config, so that an application that embeds us keeps its own apart. */
const NAMESPACE = 'cairnSignal';

/** Hands the validated settings to every module that imports it. Knows nothing of where they came from. */
@Module({
  providers: [
    {
      provide: Settings,
      inject: [ConfigService],
      useFactory: (config: ConfigService) => config.getOrThrow<Settings>(NAMESPACE),
    },
  ],
  exports: [Settings],
})
export class ConfigModule {
  static forSettings(settings: Settings): DynamicModule {
    const values = NestConfigModule.forRoot({
      ignoreEnvFile: true,
      ignoreEnvVars: true,
      skipProcessEnv: true,
      load: [() => ({ [NAMESPACE]: settings })],
    });
    return { module: ConfigModule, imports: [values] };
  }
}
