import { Injectable } from '@nestjs/common';
import { Histogram } from 'prom-client';

/** How an ICE provider fails: it throws, takes too long, answers nonsense, or is asked by too many already. */
export type ProviderFailure = 'failed' | 'timeout' | 'nonsense' | 'busy';

/** The ways to ask: over cairn-signal.v2, and `GET /ice`. */
export type WayToAsk = 'v2' | 'http';

/** Buckets in seconds, up to the time limit. */
const PROVIDER_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Name and help text of the histogram. */
export const PROVIDER_TIMED = {
  name: 'cairn_signal_ice_provider_seconds',
  help: 'Time until the ICE provider answered or failed. Peers who are told what is remembered do not count.',
} as const;

/** What became of requests for ICE servers, since the start. Plain numbers, read on demand. Knows no peers. */
@Injectable()
export class IceCounts {
  readonly outcomes = {
    v2_issued: 0,
    v2_unavailable: 0,
    v2_failed: 0,
    http_issued: 0,
    http_unavailable: 0,
    http_failed: 0,
    http_refused: 0,
    http_throttled: 0,
  };
  readonly providerFailures: { [Failure in ProviderFailure]: number } = { failed: 0, timeout: 0, nonsense: 0, busy: 0 };
  readonly provider = new Histogram({ ...PROVIDER_TIMED, buckets: PROVIDER_BUCKETS, registers: [] });
  /** When the secret in use was written, in milliseconds since the epoch; undefined without one. */
  secretAt: number | undefined;
}
