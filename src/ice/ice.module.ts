import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { Settings } from '../config/settings.js';
import { Reload } from '../lifecycle/reload.js';
import { Logs } from '../logging/log.js';
import { IceCounts } from '../metrics/ice-counts.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { IceServers } from './ice-servers.js';
import { TurnSecret } from './turn-secret.js';

/** Which STUN and TURN servers peers may use. */
@Module({
  imports: [AuthModule, MetricsModule],
  providers: [
    IceServers,
    {
      provide: TurnSecret,
      inject: [Settings, Reload, IceCounts, Logs],
      useFactory: (settings: Settings, reload: Reload, counts: IceCounts, logs: Logs) =>
        TurnSecret.of(settings, reload, counts, logs.for('ice')),
    },
  ],
  exports: [IceServers],
})
export class IceModule {}
