import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import type { HealthCheckResult } from '@nestjs/terminus';
import { ReadinessIndicator } from './readiness.indicator.js';

/** Health for orchestrators and load balancers: plain HTTP on the public listener, no token, no WebSocket. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: ReadinessIndicator,
  ) {}

  /** The process answers: 200 for as long as it runs, while draining too. Failing means "restart me". */
  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** 200 while serving, 503 while starting, a lame duck or draining. Failing means "send newcomers elsewhere". */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.readiness.check()]);
  }

  /** All checks together. */
  @Get()
  @HealthCheck()
  all(): Promise<HealthCheckResult> {
    return this.ready();
  }
}
