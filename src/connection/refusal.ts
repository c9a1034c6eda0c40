import { HttpException } from '@nestjs/common';
import type { RefusalReason } from '../protocol/refusal-reasons.js';
import { retryAfterOf } from './retry-after.js';

export type RefusalHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What a refusal may say besides its sentence. */
export interface RefusalOptions {
  /** Seconds after which the peer may try again, or what a guard gave for that. Becomes a valid Retry-After. */
  readonly retryAfter?: unknown;
  readonly headers?: RefusalHeaders;
  /** What the log says of the cause, such as a code of OpenSSL. Never anything that the peer sent. */
  readonly why?: string | undefined;
  /** The whole body, where a guard wrote one itself, and its content type. */
  readonly body?: { readonly bytes: Buffer; readonly type: string | undefined } | undefined;
}

/**
 * Why a peer is not let in: the HTTP answer to its upgrade, and the reason that metrics count it under. Guards throw
 * it; limits and phases return it. Knows nothing of sockets.
 * Invariant: `message` is a plain sentence for the peer, and never holds anything that the peer sent.
 */
export class Refusal extends HttpException {
  readonly headers: RefusalHeaders;
  readonly body: RefusalOptions['body'];
  readonly why: string | undefined;

  constructor(
    status: number,
    readonly reason: RefusalReason,
    text: string,
    { retryAfter, headers = {}, why, body }: RefusalOptions = {},
  ) {
    super(text, status);
    const after = retryAfterOf(retryAfter);
    this.headers = mergedHeaders(
      {
        ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
        ...(after !== undefined && { 'Retry-After': after }),
      },
      headers,
    );
    this.why = why;
    this.body = body;
  }
  /** The same with more headers, which win over its own, and maybe another status. */
  with(headers: RefusalHeaders, status = this.getStatus()): Refusal {
    const { reason, message, why, body } = this;
    return new Refusal(status, reason, message, { headers: mergedHeaders(this.headers, headers), why, body });
  }
}

/**
 * Both, where a header of `over` takes the place of the one of that name: names have no case (RFC 9110, section 5.1).
 */
export function mergedHeaders(headers: RefusalHeaders, over: RefusalHeaders): RefusalHeaders {
  const names = new Set(Object.keys(over).map((name) => name.toLowerCase()));
  return { ...Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name.toLowerCase()))), ...over };
}
