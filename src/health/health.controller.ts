import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import type { HealthCheckResult } from '@nestjs/terminus';
import { MANAGEMENT } from '../http/management-path.js';
import { NodeIndicator } from './node.indicator.js';
import { ReadinessIndicator } from './readiness.indicator.js';

/** Health for orchestrators and load balancers: plain HTTP without a token, in public and on the management address. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: ReadinessIndicator,
    private readonly node: NodeIndicator,
  ) {}

  /** The process answers: 200 for as long as it runs, while draining too. Failing means "restart me". */
  @Get(['health/live', `${MANAGEMENT}/health/live`])
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** 200 while serving, 503 while starting, a lame duck or draining. Failing means "send newcomers elsewhere". */
  @Get(['health/ready', `${MANAGEMENT}/health/ready`])
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.readiness.check()]);
  }

  /** All checks together, with what an operator asks next. */
  @Get(`${MANAGEMENT}/health`)
  @HealthCheck()
  details(): Promise<HealthCheckResult> {
    return this.health.check([() => this.readiness.check(), ...this.node.checks()]);
  }

  /** All checks together, in a word: details are the operator's. */
  @Get('health')
  @HealthCheck()
  async summary(): Promise<Pick<HealthCheckResult, 'status'>> {
    try {
      const { status } = await this.ready();
      return { status };
    } catch (error) {
      throw error instanceof ServiceUnavailableException ? new ServiceUnavailableException({ status: 'error' }) : error;
    }
  }
}
