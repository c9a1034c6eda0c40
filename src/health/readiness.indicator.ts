import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { Lifecycle } from '../lifecycle/lifecycle.js';

/** Whether newcomers should be sent here: only while serving. */
@Injectable()
export class ReadinessIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly lifecycle: Lifecycle,
  ) {}

  check(): HealthIndicatorResult {
    const { phase } = this.lifecycle;
    const indicator = this.indicators.check('signaling');
    return phase === 'serving' ? indicator.up({ phase }) : indicator.down({ phase });
  }
}
