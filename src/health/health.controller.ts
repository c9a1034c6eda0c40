import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import type { HealthCheckResult } from '@nestjs/terminus';
import { MANAGEMENT } from '../http/management-path.js';
import { NodeIndicator } from './node.indicator.js';
import { ReadinessIndicator } from './readiness.indicator.js';

/** Answers the health checks of orchestrators and load balancers: plain HTTP, no token, on both addresses. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: ReadinessIndicator,
    private readonly node: NodeIndicator,
  ) {}

  /** 200 while the process runs, also while it drains. Failing means "restart me". */
  @Get(['health/live', `${MANAGEMENT}/health/live`])
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /**
   * 200 while serving; 503 while starting, being a lame duck, or draining. Failing means "send newcomers elsewhere".
   */
  @Get(['health/ready', `${MANAGEMENT}/health/ready`])
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.readiness.check()]);
  }

  /** All checks, with the details that an operator asks for next. */
  @Get(`${MANAGEMENT}/health`)
  @HealthCheck()
  details(): Promise<HealthCheckResult> {
    return this.health.check([() => this.readiness.check(), ...this.node.checks()]);
  }

  /** All checks, in one word. The details are for operators only. */
  @Get('health')
  @HealthCheck()
  async summary(): Promise<Pick<HealthCheckResult, 'status'>> {
    try {
      const { status } = await this.health.check([() => this.readiness.check(), () => this.node.certificateCheck()]);
      return { status };
    } catch (error) {
      throw error instanceof ServiceUnavailableException ? new ServiceUnavailableException({ status: 'error' }) : error;
    }
  }
}
