import { HttpException } from '@nestjs/common';
import type { RefusalReason } from '../protocol/refusal-reasons.js';

/** What a refusal may say besides its sentence. */
export interface RefusalOptions {
  /** Seconds after which the peer may try again. Becomes Retry-After. */
  readonly retryAfter?: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Why a peer is not let in: the HTTP answer to its upgrade, and the reason that metrics count it under. Guards throw
 * it; limits and phases return it. Knows nothing of sockets.
 * Invariant: `message` is a plain sentence for the peer, and never holds anything that the peer sent.
 */
export class Refusal extends HttpException {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    readonly reason: RefusalReason,
    text: string,
    { retryAfter, headers }: RefusalOptions = {},
  ) {
    super(text, status);
    this.headers = {
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
      ...headers,
    };
  }
}
