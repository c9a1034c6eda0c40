import { Module } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { BackplaneModule } from '../backplane/backplane.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { NodeIndicator } from './node.indicator.js';
import { ReadinessIndicator } from './readiness.indicator.js';

/**
 * What there is to say about the health of this node, for our own endpoints and for the checks of an application. It
 * makes the results itself, without TerminusModule, so an application may have another copy of @nestjs/terminus.
 */
@Module({
  imports: [BackplaneModule, MetricsModule, PresenceModule],
  providers: [HealthIndicatorService, NodeIndicator, ReadinessIndicator],
  exports: [NodeIndicator, ReadinessIndicator],
})
export class HealthIndicatorsModule {}
