import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { NodeIndicator } from './node.indicator.js';
import { ReadinessIndicator } from './readiness.indicator.js';

/** Health endpoints. A failing check is an answer, not an event, so it is not logged. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [NodeIndicator, ReadinessIndicator],
})
export class HealthModule {}
