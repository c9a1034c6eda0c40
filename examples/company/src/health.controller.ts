import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthCheckResult, HealthIndicatorResult } from '@nestjs/terminus';
import { NodeIndicator, ReadinessIndicator } from 'cairn-signal';
import { Suspensions } from './suspensions.module.js';

/** The company's own health check: what cairn-signal has to say, and Redis, without which nobody gets in. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly signaling: ReadinessIndicator,
    private readonly node: NodeIndicator,
    private readonly suspensions: Suspensions,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.signaling.check(), ...this.node.checks(), () => this.#redis()]);
  }

  async #redis(): Promise<HealthIndicatorResult> {
    const redis = this.indicators.check('redis');
    return this.suspensions.ping().then(
      () => redis.up(),
      () => redis.down(),
    );
  }
}
