import { PROVIDER_TIMED } from '../metrics/ice-counts.js';
import type { MetricRow } from './metric-row.js';

/** Metrics of ICE servers (V11). */
export const ICE_METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_ice_requests_total',
    type: 'counter',
    help: 'Requests for ICE servers, by the way they came (cairn-signal.v2, or GET /ice) and their outcome.',
    label: 'outcome',
    moves:
      '`v2_unavailable`, `http_unavailable`: there are no ICE servers, or none for this peer, or anyone may use this ' +
      'server and `turn-open` is off. `v2_failed`, `http_failed`: the ICE provider fails. `http_refused`: as upgrades ' +
      'are. `http_throttled`: one source asks all the time.',
    read: ({ ice }) => Object.entries(ice.outcomes),
  },
  {
    ...PROVIDER_TIMED,
    type: 'histogram',
    histogram: ({ ice }) => ice.provider,
    moves: 'As long as the service behind `ice-provider` takes. A new peer waits as long for its ICE servers.',
  },
  {
    name: 'cairn_signal_ice_provider_failures_total',
    type: 'counter',
    help: 'Questions that the ICE provider did not answer, by reason. Whoever asked gets no ICE servers.',
    label: 'reason',
    moves:
      '`failed`: it threw. `timeout`: it took more than 5 s. `nonsense`: it answered something else than ICE servers. ' +
      '`busy`: 1,000 questions were open already. The log names the provider.',
    read: ({ ice }) => Object.entries(ice.providerFailures),
  },
  {
    name: 'cairn_signal_turn_secret_timestamp_seconds',
    type: 'gauge',
    help: 'When the file of the TURN secret in use was written, in seconds since the epoch; absent without one.',
    moves: 'Older than your rule for secrets: put a new first line into `turn-secret-file`.',
    read: ({ ice }) => (ice.secretAt === undefined ? undefined : ice.secretAt / 1000),
  },
];
