import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import type { HealthCheckResult } from '@nestjs/terminus';
import { NodeIndicator, ReadinessIndicator } from 'cairn-signal';

/** The company's own health check, with what cairn-signal has to say. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly signaling: ReadinessIndicator,
    private readonly node: NodeIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.signaling.check(), ...this.node.checks()]);
  }
}
