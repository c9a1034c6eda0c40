import { HttpException } from '@nestjs/common';
import type { RefusalReason } from '../protocol/refusal-reasons.js';

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
