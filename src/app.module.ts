import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { CairnSignalModule } from './cairn-signal.module.js';
import type { CairnSignalOptions } from './cairn-signal.module.js';
import { CheckModule } from './check/check.module.js';
import { ConfigModule, SETTINGS } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { MetricsEndpointModule } from './exposition/metrics-endpoint.module.js';
import type { Extensions } from './extensions.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { IceEndpointModule } from './ice/ice-endpoint.module.js';
import { OperatorsEndpointModule } from './operators/operators-endpoint.module.js';
import { StatusModule } from './status/status.module.js';

/** The complete server: its configuration, the relay, and what is served over plain HTTP. */
@Module({})
export class AppModule {
  static forRoot(settings: Settings, extensions: Extensions, given: CairnSignalOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(settings),
        // Auth, presence, records, backplane, transport, signaling, metrics.
        CairnSignalModule.forRootAsync({
          ...extensions,
          inject: [ConfigService],
          useFactory: (config: ConfigService) => ({ ...given, program: config.getOrThrow<Settings>(SETTINGS) }),
        }),
        HealthModule,
        MetricsEndpointModule,
        OperatorsEndpointModule,
        StatusModule,
        HttpModule,
        IceEndpointModule,
        ...(settings.checkPage ? [CheckModule] : []),
      ],
    };
  }
}
