import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { originMatcher } from '../config/origins.js';
import { Settings } from '../config/settings.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { Refusal } from '../connection/refusal.js';
import type { UpgradeRequest } from './upgrade-request.js';

/**
 * The origins that browsers send. Other peers may send anything (the Go library sends `ws://host/`), and could leave
 * the header out just as well.
 */
const OF_A_WEB_PAGE = /^(?:null|https?:\/\/.*)$/i;

/**
 * Lets web pages connect only from the origins of `allowed-origins` (RFC 6455, section 10.2). Lets all other peers in.
 * Runs at the HTTP upgrade.
 */
@Injectable()
export class OriginGuard implements CanActivate {
  /** Undefined where all origins may connect. */
  readonly #isListed: ((origin: string) => boolean) | undefined;

  constructor(
    { allowedOrigins }: Settings,
    private readonly counts: LimitCounts,
  ) {
    this.#isListed = allowedOrigins && originMatcher(allowedOrigins);
  }

  /** Throws a refusal (403) that names the setting. */
  canActivate(context: ExecutionContext): boolean {
    const { origin } = context.switchToHttp().getRequest<UpgradeRequest>().headers;
    if (this.#isListed === undefined || origin === undefined || !OF_A_WEB_PAGE.test(origin)) return true;
    if (this.#isListed(origin)) return true;
    this.counts.reached('allowed-origins');
    throw new Refusal(403, 'origin', 'Web pages of this origin may not connect; the setting is allowed-origins.');
  }
}
