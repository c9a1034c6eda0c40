import { HttpException } from '@nestjs/common';
import type { RefusalReason } from '../protocol/refusal-reasons.js';

/** How soon, in seconds, a peer may try again about whom a guard could not decide. */
const RETRY_S = 5;

/** What a guard of ours throws to refuse an upgrade: an HTTP answer, and the word under which it is counted. */
export class Refused extends HttpException {
  /** `text` is a sentence for the peer and holds nothing that it sent; `retryAfter` is in seconds. */
  constructor(
    status: number,
    readonly reason: RefusalReason,
    text: string,
    retryAfter?: number,
  ) {
    super({ message: text, ...(retryAfter !== undefined && { retryAfter }) }, status);
  }
}

/** The refusal (503) where a guard of others' making cannot judge. */
export function undecided(reason: 'guard_failed' | 'guard_timeout' | 'guard_nonsense'): Refused {
  return new Refused(503, reason, 'This server cannot tell whether you may connect; try again.', RETRY_S);
}
