import { Module } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Logs } from '../logging/log.js';
import { BackplaneCounts } from '../metrics/backplane-counts.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { Backplane } from './backplane.js';
import { LocalBackplane } from './local-backplane.js';

/** Provides the bus between nodes: NATS where `nats-url` is set, otherwise none. */
@Module({
  imports: [MetricsModule],
  providers: [
    {
      provide: Backplane,
      inject: [Settings, Clock, Logs, BackplaneCounts],
      useFactory: async (settings: Settings, clock: Clock, logs: Logs, counts: BackplaneCounts): Promise<Backplane> => {
        if (settings.natsUrl === undefined) return new LocalBackplane();
        // The NATS client is loaded only where it is needed.
        const { NatsBackplane } = await import('./nats-backplane.js');
        return NatsBackplane.join({ settings, clock, counts, log: logs.for('backplane') });
      },
    },
  ],
  exports: [Backplane],
})
export class BackplaneModule {}
