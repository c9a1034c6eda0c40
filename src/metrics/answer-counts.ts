import { Injectable } from '@nestjs/common';
import { ERROR_CODES } from '../protocol/error-codes.js';
import type { ErrorCode } from '../protocol/error-codes.js';

/** What peers of cairn-signal.v2 were answered since the start. Plain numbers, read on demand. Knows no peers. */
@Injectable()
export class AnswerCounts {
  acks = 0;
  /** Acks of a Relay that was handed to nobody. */
  nobody = 0;
  readonly errors = Object.fromEntries(ERROR_CODES.map((code) => [code, 0])) as Record<ErrorCode, number>;
}
