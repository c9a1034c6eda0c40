import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { Settings } from '../config/settings.js';
import { Reload } from '../lifecycle/reload.js';
import { ExpositionModule } from './exposition.module.js';
import { MetricsToken } from './metrics-token.js';
import { MetricsController } from './metrics.controller.js';

/** `/metrics`, which an application that embeds the server does not get: its paths are its own. */
@Module({
  imports: [AuthModule, ExpositionModule],
  controllers: [MetricsController],
  providers: [
    {
      provide: MetricsToken,
      inject: [Settings, Reload],
      useFactory: (settings: Settings, reload: Reload) => MetricsToken.of(settings, reload),
    },
  ],
})
export class MetricsEndpointModule {}
