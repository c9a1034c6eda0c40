import { TIMED } from '../metrics/timings.js';
import { ONE_NODE } from './metric-row.js';
import type { MetricRow } from './metric-row.js';

/** Metrics of the records that JSON peers leave and find. Rows of METRICS. */
export const RECORD_METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_records',
    type: 'gauge',
    help: 'Records held for peers that speak JSON.',
    moves: 'Rises with announcing peers, and falls `record-ttl` after they leave.',
    read: ({ records }) => records.size,
  },
  {
    name: 'cairn_signal_records_bytes',
    type: 'gauge',
    help: 'Bytes of memory accounted for records.',
    moves: 'Close to `records-max-bytes`: raise the limit, or shorten `record-ttl`.',
    read: ({ records }) => records.bytes,
  },
  {
    name: 'cairn_signal_records_accepted_total',
    type: 'counter',
    help: 'Records that were accepted, by kind.',
    label: 'kind',
    moves: 'Shows which libraries connect: TypeScript and Rust publish, Go and Python announce.',
    read: ({ rendezvous }) => [
      ['publish', rendezvous.publishes],
      ['announce', rendezvous.announces],
    ],
  },
  {
    name: 'cairn_signal_queries_total',
    type: 'counter',
    help: 'Queries that were answered, by whether they found anything.',
    label: 'result',
    moves: 'No hits while peers announce: they do not share a topic.',
    read: ({ rendezvous }) => [
      ['hit', rendezvous.hits],
      ['miss', rendezvous.misses],
    ],
  },
  {
    name: 'cairn_signal_json_refused_total',
    type: 'counter',
    help: 'JSON messages that were answered with an error, by code.',
    label: 'code',
    moves: '`docs/protocol.md`, section 2, names the setting behind each code.',
    read: ({ rendezvous }) => Object.entries(rendezvous.refusals),
  },
  {
    ...TIMED.recordFound,
    type: 'histogram',
    histogram: ({ timings }) => timings.recordFound,
    moves: `Like \`topic_meeting_seconds\`, for peers that speak JSON. ${ONE_NODE}`,
  },
];
