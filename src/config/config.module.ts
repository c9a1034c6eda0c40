import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import type { Settings } from './settings.js';

/** Key of the settings in ConfigService. It keeps them apart from those of an application that embeds the server. */
export const SETTINGS = 'cairnSignal';

/**
 * The program's configuration in @nestjs/config: flags, environment, file and defaults, merged and validated by
 * load-settings.ts. `ConfigService.getOrThrow(SETTINGS)` returns it.
 */
@Module({})
export class ConfigModule {
  static forRoot(settings: Settings): DynamicModule {
    const values = NestConfigModule.forRoot({
      isGlobal: true,
      // The loader has read both already, and says what is wrong with them.
      ignoreEnvFile: true,
      ignoreEnvVars: true,
      skipProcessEnv: true,
      load: [() => ({ [SETTINGS]: settings })],
    });
    return { module: ConfigModule, imports: [values] };
  }
}
