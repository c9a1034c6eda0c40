import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { Settings } from '../config/settings.js';
import { Reload } from '../lifecycle/reload.js';
import { Logs } from '../logging/log.js';
import { IceCounts } from '../metrics/ice-counts.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { AskedProvider } from './asked-provider.js';
import { IceDesk } from './ice-desk.js';
import { SharedSecret } from './shared-secret.js';
import { TurnSecret } from './turn-secret.js';

/** Which STUN and TURN servers peers may use. CairnSignalModule provides the ICE provider. */
@Module({
  imports: [AuditModule, AuthModule, MetricsModule],
  providers: [
    AskedProvider,
    IceDesk,
    SharedSecret,
    {
      provide: TurnSecret,
      inject: [Settings, Reload, IceCounts, Logs],
      useFactory: (settings: Settings, reload: Reload, counts: IceCounts, logs: Logs) =>
        TurnSecret.of(settings, reload, counts, logs.for('ice')),
    },
  ],
  exports: [IceDesk],
})
export class IceModule {}
