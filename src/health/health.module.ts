import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { HealthIndicatorsModule } from './health-indicators.module.js';

/** The health endpoints. A failing check is an answer, not an event, so it is not logged. */
@Module({
  imports: [HealthIndicatorsModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
})
export class HealthModule {}
