import type { MetricRow } from './metric-row.js';

/** Metrics of ICE servers (V11). */
export const ICE_METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_ice_requests_total',
    type: 'counter',
    help: 'Requests for ICE servers, by the way they came (cairn-signal.v2, or GET /ice) and their outcome.',
    label: 'outcome',
    moves:
      '`v2_unavailable`, `http_unavailable`: there are no ICE servers, or anyone may use this server and `turn-open` ' +
      'is off. `http_refused`: as upgrades are. `http_throttled`: one source asks all the time.',
    read: ({ ice }) => Object.entries(ice.outcomes),
  },
  {
    name: 'cairn_signal_turn_secret_timestamp_seconds',
    type: 'gauge',
    help: 'When the file of the TURN secret in use was written, in seconds since the epoch; absent without one.',
    moves: 'Older than your rule for secrets: put a new first line into `turn-secret-file`.',
    read: ({ ice }) => (ice.secretAt === undefined ? undefined : ice.secretAt / 1000),
  },
];
