import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { BackplaneModule } from '../backplane/backplane.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { HealthController } from './health.controller.js';
import { NodeIndicator } from './node.indicator.js';
import { ReadinessIndicator } from './readiness.indicator.js';

/** The health endpoints. A failing check is an answer, not an event, so it is not logged. */
@Module({
  imports: [BackplaneModule, MetricsModule, PresenceModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [NodeIndicator, ReadinessIndicator],
})
export class HealthModule {}
