import { Injectable } from '@nestjs/common';
import type { ErrorCode } from '../protocol/rendezvous-answer.js';

/** Counts of what JSON peers did since the start. Plain numbers, read on demand. Knows neither topics nor peers. */
@Injectable()
export class RendezvousCounts {
  publishes = 0;
  announces = 0;
  queries = 0;
  /** Queries that found something. */
  hits = 0;
  /** Queries that found nothing. */
  misses = 0;
  readonly refusals: { [Code in ErrorCode]: number } = {
    malformed: 0,
    topic_too_long: 0,
    record_too_large: 0,
    topic_full: 0,
    quota_exceeded: 0,
    store_full: 0,
    records_off: 0,
    forbidden: 0,
  };
}
