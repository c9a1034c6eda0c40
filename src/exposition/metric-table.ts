import type { Histogram } from 'prom-client';
import { TIMED } from '../metrics/timings.js';
import { LIMITS } from '../protocol/limits.js';
import { REFUSAL_REASONS } from '../protocol/refusal-reasons.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';
import { VERSION } from '../version.js';
import { BUS_METRICS } from './bus-metrics.js';
import type { Sources } from './sources.js';

/** One figure, or one for each value of the row's label, in any number of pairs. */
export type Reading = number | Iterable<readonly [value: string, figure: number]>;

/** A metric: what it is, and what an operator should make of it. */
export type MetricRow = Figure | Duration;

interface Described {
  readonly name: string;
  /** One sentence, also in the exposition. */
  readonly help: string;
  /** What to do when it moves; markdown. */
  readonly moves: string;
}

/** What is read when somebody asks. */
export interface Figure extends Described {
  readonly type: 'counter' | 'gauge';
  /** The name of its one label, whose values come from a fixed set. */
  readonly label?: string;
  /** Undefined where the figure does not exist here. */
  readonly read: (sources: Sources) => Reading | undefined;
}

/** What was observed as it happened. */
interface Duration extends Described {
  readonly type: 'histogram';
  readonly histogram: (sources: Sources) => Histogram;
}

const LONELY =
  'Peers that wait alone. Many for long: they subscribe to topics that differ (clocks apart by a day, other pairing), or to another node without a bus.';
const ONE_NODE = 'Of this node: where the second peer comes to another one, it is not seen.';

/**
 * The one table of metrics: the exposition, docs/metrics.md and the test that compares them follow from it. Names follow
 * Prometheus conventions; labels come from fixed sets, and none names a topic, a peer or a token.
 */
export const METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_build_info',
    type: 'gauge',
    help: 'Always 1; its label tells the version of cairn-signal.',
    label: 'version',
    moves: 'Tells which nodes run what during a rollout.',
    read: () => [[VERSION, 1]],
  },
  {
    name: 'cairn_signal_ready',
    type: 'gauge',
    help: 'Whether newcomers should be sent here: 1 while serving, else 0.',
    moves: '0 for longer than a restart takes: see the log for what keeps it.',
    read: ({ lifecycle }) => Number(lifecycle.phase === 'serving'),
  },
  {
    name: 'cairn_signal_connections',
    type: 'gauge',
    help: 'Peers that are connected.',
    moves:
      'A sudden fall: the network, a proxy or this node. Towards `max-connections`: more nodes, or a higher limit.',
    read: ({ connections }) => connections.size,
  },
  {
    name: 'cairn_signal_max_connections',
    type: 'gauge',
    help: 'Peers that may be connected: max-connections, or what fits below the file handles of the process; absent without a limit.',
    moves: 'Less than `max-connections`: raise `ulimit -n`.',
    read: ({ connectionCounts }) => (Number.isFinite(connectionCounts.most) ? connectionCounts.most : undefined),
  },
  {
    name: 'cairn_signal_plain_connections',
    type: 'gauge',
    help: "TCP connections on listen-addr that are no peer's: in their handshake, of plain HTTP, or refused and not closed yet.",
    moves:
      'Some at any time. Near `max-plain-connections`, or what handles allow: many are coming at once, or somebody keeps connections for nothing.',
    read: ({ connectionCounts }) => connectionCounts.plain?.size,
  },
  {
    name: 'cairn_signal_connections_opened_total',
    type: 'counter',
    help: 'Peers that connected.',
    moves: 'Many more than `connections` explains: peers come and go; look at the codes below.',
    read: ({ connectionCounts }) => connectionCounts.opened,
  },
  {
    name: 'cairn_signal_connections_closed_total',
    type: 'counter',
    help: "Connections that ended, by WebSocket close code: ours where this server began the end, else 1000, 1001, 1005 or 1006 of the peer's, or other.",
    label: 'code',
    moves:
      '1006: networks or proxies that cut (idle time-outs). 1008, 1009, 4008, 4009: a limit, see `limits_reached_total`. 1011: our fault, see the log. 1012: a drain.',
    read: ({ connectionCounts }) => connectionCounts.closedByCode,
  },
  {
    name: 'cairn_signal_upgrades_refused_total',
    type: 'counter',
    help: 'Peers that were not let in, by reason.',
    label: 'reason',
    moves: 'The reasons are listed below.',
    read: ({ refusals }) =>
      (Object.keys(REFUSAL_REASONS) as RefusalReason[]).map((reason) => [reason, refusals.of(reason)]),
  },
  {
    name: 'cairn_signal_topics',
    type: 'gauge',
    help: 'Topics with at least one subscriber on this node.',
    moves: 'Grows and falls with connections.',
    read: ({ topics }) => topics.size,
  },
  {
    name: 'cairn_signal_lonely_topics',
    type: 'gauge',
    help: 'Topics with exactly one subscriber on this node.',
    moves: `${LONELY} ${ONE_NODE}`,
    read: ({ topics }) => topics.lonely,
  },
  {
    name: 'cairn_signal_subscriptions',
    type: 'gauge',
    help: 'Pairs of a connection and a topic it subscribes to.',
    moves: 'Towards `max-subscriptions`: a higher limit and memory for it, or more nodes.',
    read: ({ topics }) => topics.subscriptions,
  },
  {
    ...TIMED.meeting,
    type: 'histogram',
    histogram: ({ timings }) => timings.meeting,
    moves: `The sign that rendezvous works. No observations while connections come: peers do not meet. ${ONE_NODE}`,
  },
  {
    name: 'cairn_signal_messages_received_total',
    type: 'counter',
    help: 'Messages that peers sent and that mean something, by kind.',
    label: 'kind',
    moves:
      'Subscribes without relays: peers find nobody. A single kind far above the others: one peer, or one broken release.',
    read: ({ traffic }) => Object.entries(traffic.received),
  },
  {
    name: 'cairn_signal_messages_dropped_total',
    type: 'counter',
    help: 'Messages that were dropped without an answer, by reason.',
    label: 'reason',
    moves:
      '`undecodable`, `unknown_text`: somebody speaks another protocol here. `forbidden`: the topic policy refused a CBOR message.',
    read: ({ traffic }) => Object.entries(traffic.dropped),
  },
  {
    name: 'cairn_signal_deliveries_total',
    type: 'counter',
    help: 'Relays written to a subscriber of this node, each subscriber counted.',
    moves: 'About one for each relay where peers are pairs.',
    read: ({ traffic }) => traffic.deliveries,
  },
  {
    name: 'cairn_signal_relays_unheard_total',
    type: 'counter',
    help: 'Relays whose topic had no other subscriber on this node.',
    moves: `A rising share: senders are early, or their peers elsewhere. ${ONE_NODE}`,
    read: ({ traffic }) => traffic.unheard,
  },
  {
    name: 'cairn_signal_received_bytes_total',
    type: 'counter',
    help: 'Bytes of messages that peers sent, without framing.',
    moves: 'The load, with the next one.',
    read: ({ traffic }) => traffic.bytesIn,
  },
  {
    name: 'cairn_signal_sent_bytes_total',
    type: 'counter',
    help: 'Bytes of WebSocket frames written to peers.',
    moves: 'Far above what is received: large topics multiply it; `max-subscribers-per-topic` bounds that.',
    read: ({ traffic }) => traffic.bytesOut,
  },
  {
    ...TIMED.relayHandling,
    type: 'histogram',
    histogram: ({ timings }) => timings.relayHandling,
    moves: 'Microseconds. Milliseconds: topics with very many subscribers, or a processor that others use.',
  },
  {
    name: 'cairn_signal_limits_reached_total',
    type: 'counter',
    help: 'How often a peer ran into a limit, by the setting that moves it.',
    label: 'limit',
    moves: 'Honest peers run into none: raise the setting if they are honest, look for the address if not.',
    read: ({ limits }) => LIMITS.map((limit) => [limit, limits.of(limit)]),
  },
  {
    name: 'cairn_signal_buffered_bytes',
    type: 'gauge',
    help: 'Bytes of memory that hold what waits for peers which read too slowly.',
    moves:
      'Towards `max-buffered-total-bytes`: many peers lag, or few that are sent much; at the limit those for which most waits are closed.',
    read: ({ held }) => held.buffered.total,
  },
  {
    name: 'cairn_signal_unfinished_bytes',
    type: 'gauge',
    help: 'Bytes of memory that hold what peers have sent and was not handled: messages that are not finished, and those that the rate holds back.',
    moves:
      'Towards `max-unfinished-total-bytes`: somebody begins messages and does not finish them, or many send too fast; at the limit those that hold most are closed.',
    read: ({ held }) => held.unfinished.total,
  },
  {
    name: 'cairn_signal_records',
    type: 'gauge',
    help: 'Records held for peers that speak JSON.',
    moves: 'Grows with announcing peers, and falls `record-ttl` after they left.',
    read: ({ records }) => records.size,
  },
  {
    name: 'cairn_signal_records_bytes',
    type: 'gauge',
    help: 'Bytes of memory accounted for records.',
    moves: 'Towards `records-max-bytes`: a higher limit, or a shorter `record-ttl`.',
    read: ({ records }) => records.bytes,
  },
  {
    name: 'cairn_signal_records_accepted_total',
    type: 'counter',
    help: 'Records that were taken, by kind.',
    label: 'kind',
    moves: 'Which libraries are there: TypeScript and Rust publish, Go and Python announce.',
    read: ({ rendezvous }) => [
      ['publish', rendezvous.publishes],
      ['announce', rendezvous.announces],
    ],
  },
  {
    name: 'cairn_signal_queries_total',
    type: 'counter',
    help: 'Queries that were answered, by whether anything was found.',
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
    moves: `As \`topic_meeting_seconds\`, for peers that speak JSON. ${ONE_NODE}`,
  },
  ...BUS_METRICS,
  {
    name: 'cairn_signal_tls_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the certificate in use ends, in seconds since the epoch; absent without TLS.',
    moves: 'Less than two weeks ahead: renew it; it is read again when it changes.',
    read: ({ certificate }) => (certificate.at === undefined ? undefined : certificate.at / 1000),
  },
];
