import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { mistakeIn, presented } from '../auth/credentials.js';
import { WrongTokens } from '../auth/wrong-tokens.js';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Refusal } from '../connection/refusal.js';
import { sourceOf } from '../connection/source.js';
import { Logs } from '../logging/log.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { RefusalLog } from '../transport/refusal-log.js';
import { OperatorToken } from './operator-token.js';

const HOW_TO = 'Orders need a token of their own: "Authorization: Bearer <management-token>".';
const TOO_MANY = 'Too many wrong tokens from this address; the setting is max-wrong-tokens.';
/** Nothing stands between operators and this address. */
const NO_PROXIES: readonly unknown[] = [];
const OFF = 'This server takes no orders: set management-token or management-token-file.';

/**
 * Decides who may give orders. Owns the count of wrong tokens of each network, apart from those of peers. Private
 * addresses count as well: a right token always opens, so nobody is locked out.
 */
@Injectable()
export class OperatorDoor {
  readonly #wrong: WrongTokens;

  constructor(
    private readonly token: OperatorToken,
    private readonly refusals: RefusalLog,
    settings: Settings,
    clock: Clock,
    counts: LimitCounts,
    logs: Logs,
  ) {
    this.#wrong = new WrongTokens(settings, clock, counts, logs);
  }

  /** Throws a Refusal unless the request shows the token: 404 where there is none, 401, or 429 after too many. */
  open({ headers, socket }: IncomingMessage): void {
    if (!this.token.exists) throw new Refusal(404, 'path', OFF);
    const { token, mistake } = presented(headers);
    if (token !== undefined && this.token.matches(token)) return;
    const hint = token === undefined ? mistake : mistakeIn(token, headers);
    const address = socket.remoteAddress ?? 'unknown';
    const retryAfter =
      token === undefined
        ? undefined
        : this.#wrong.shown({ peerAddress: address, peerNetwork: sourceOf(undefined, address) }, NO_PROXIES);
    const refusal =
      retryAfter === undefined
        ? new Refusal(401, 'operator_token', hint === undefined ? HOW_TO : `${HOW_TO} ${hint}`)
        : new Refusal(429, 'operator_token', TOO_MANY, { retryAfter });
    const { reason, message: why } = refusal;
    this.refusals.broken({ reason, status: refusal.getStatus(), why, remote: address });
    throw refusal;
  }
}
