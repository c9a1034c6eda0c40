import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Logs } from '../logging/log.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PrincipalsModule } from '../principals/principals.module.js';
import { CborCodec } from './cbor-codec.js';
import { Certificate } from './certificate.js';
import { ConnectionLimits } from './connection-limits.js';
import { ConnectionShare } from './connection-share.js';
import { Heartbeat } from './heartbeat.js';
import { Handles } from './open-files.js';
import { ReadBuffer } from './read-buffer.js';
import { RefusalLog } from './refusal-log.js';
import { Throttle } from './throttle.js';
import { TrustedProxies } from './trusted-proxies.js';
import { UpgradeGate } from './upgrade-gate.js';
import { WriteBatch } from './write-batch.js';
import { WsEndpoint } from './ws-endpoint.js';

/**
 * Turns HTTP upgrades into decoded messages, and messages into frames. CborWsAdapter binds the endpoint to the HTTP
 * server of the application.
 */
@Module({
  imports: [AuditModule, AuthModule, MetricsModule, PrincipalsModule],
  providers: [
    CborCodec,
    Certificate,
    ConnectionShare,
    Handles,
    ReadBuffer,
    RefusalLog,
    UpgradeGate,
    WriteBatch,
    WsEndpoint,
    {
      provide: ConnectionLimits,
      inject: [Handles, Settings, LimitCounts, Logs],
      useFactory: ({ connections }: Handles, settings: Settings, counts: LimitCounts, logs: Logs) =>
        new ConnectionLimits(connections, settings, counts, logs.for('upgrade')),
    },
    {
      provide: Heartbeat,
      inject: [Settings, Clock],
      useFactory: (settings: Settings, clock: Clock) => new Heartbeat(settings, clock),
    },
    {
      provide: Throttle,
      inject: [Settings, Clock, LimitCounts],
      useFactory: (settings: Settings, clock: Clock, counts: LimitCounts) => new Throttle(settings, clock, counts),
    },
    {
      provide: TrustedProxies,
      inject: [Settings],
      useFactory: ({ trustedProxies = [], forwardedHeader }: Settings) =>
        new TrustedProxies(trustedProxies, forwardedHeader),
    },
  ],
  exports: [RefusalLog, Throttle, UpgradeGate, WsEndpoint],
})
export class TransportModule {}
