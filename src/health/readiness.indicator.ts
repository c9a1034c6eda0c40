import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { Backplane } from '../backplane/backplane.js';
import { Settings } from '../config/settings.js';
import { Lifecycle } from '../lifecycle/lifecycle.js';

/** Says whether newcomers should be sent here: only while serving and, if `backplane-required`, while the bus is up. */
@Injectable()
export class ReadinessIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly lifecycle: Lifecycle,
    private readonly backplane: Backplane,
    private readonly settings: Settings,
  ) {}

  check(): HealthIndicatorResult {
    const { phase } = this.lifecycle;
    const indicator = this.indicators.check('signaling');
    const { state, trouble } = this.backplane;
    const details: Record<string, string> = {
      phase,
      ...(state !== 'off' && { backplane: state }),
      ...(trouble !== undefined && { reason: trouble }),
    };
    const alone = state === 'down' && this.settings.backplaneRequired;
    return phase === 'serving' && !alone ? indicator.up(details) : indicator.down(details);
  }
}
