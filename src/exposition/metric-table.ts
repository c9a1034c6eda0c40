import { TIMED } from '../metrics/timings.js';
import { LIMITS } from '../protocol/limits.js';
import { REFUSAL_REASONS } from '../protocol/refusal-reasons.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';
import { VERSION } from '../version.js';
import { ANSWER_METRICS } from './answer-metrics.js';
import { BUS_METRICS } from './bus-metrics.js';
import { ICE_METRICS } from './ice-metrics.js';
import { ONE_NODE } from './metric-row.js';
import type { MetricRow } from './metric-row.js';
import { PRESENCE_METRICS } from './presence-metrics.js';
import { RECORD_METRICS } from './record-metrics.js';

const LONELY =
  'Peers that wait alone. Many for a long time: their topics differ (clocks a day apart, another pairing), ' +
  'or their partners are on another node and there is no bus.';

/**
 * The table of all metrics but those of the process. The exposition, docs/metrics.md and the test that compares them
 * are built from it. Names follow Prometheus conventions. Labels come from fixed sets; none names a topic, a peer or a
 * token.
 */
export const METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_build_info',
    type: 'gauge',
    help: 'Always 1; the label has the version of cairn-signal.',
    label: 'version',
    moves: 'Shows which nodes run which version during a rollout.',
    read: () => [[VERSION, 1]],
  },
  {
    name: 'cairn_signal_ready',
    type: 'gauge',
    help:
      'Whether newcomers should be sent here: 1 while serving and, with backplane-required, while the bus is up; ' +
      'otherwise 0.',
    moves: '0 for longer than a restart takes: `/health` and the log say what holds it up.',
    read: ({ lifecycle, backplane, settings }) =>
      Number(lifecycle.phase === 'serving' && !(backplane.state === 'down' && settings.backplaneRequired)),
  },
  {
    name: 'cairn_signal_connections',
    type: 'gauge',
    help: 'Peers that are connected.',
    moves:
      'A sudden drop: look at the network, the proxy and this node. ' +
      'Close to `max-connections`: add nodes, or raise the limit.',
    read: ({ connections }) => connections.size,
  },
  {
    name: 'cairn_signal_max_connections',
    type: 'gauge',
    help:
      'Maximum number of connected peers: max-connections, or what the file handles of the process allow; ' +
      'absent without a limit.',
    moves: 'Less than `max-connections`: raise `ulimit -n`.',
    read: ({ connectionCounts }) => (Number.isFinite(connectionCounts.most) ? connectionCounts.most : undefined),
  },
  {
    name: 'cairn_signal_plain_connections',
    type: 'gauge',
    help:
      'TCP connections on listen-addr that do not belong to a peer: ' +
      'still in their handshake, plain HTTP, or refused and not closed yet.',
    moves:
      'There are always some. Close to `max-plain-connections`, or to what the file handles allow: ' +
      'many peers connect at the same time, or somebody holds connections open for nothing.',
    read: ({ connectionCounts }) => connectionCounts.plain?.size,
  },
  {
    name: 'cairn_signal_connections_opened_total',
    type: 'counter',
    help: 'Peers that connected.',
    moves: 'Many more than `connections` explains: peers come and go. Look at the close codes below.',
    read: ({ connectionCounts }) => connectionCounts.opened,
  },
  {
    name: 'cairn_signal_connections_closed_total',
    type: 'counter',
    help:
      "Connections that ended, by WebSocket close code: the server's if it closed the connection, " +
      "otherwise the peer's (1000, 1001, 1005, 1006, or other). `drain`: the server's 1001.",
    label: 'code',
    moves:
      '1006: a network or a proxy cut the connection (idle timeouts). ' +
      '1008, 1009, 4008, 4009: a limit, see `limits_reached_total`. ' +
      '4003: the topic policy took a permission back. ' +
      '1011: a fault of this server, see the log. drain: this server stops.',
    read: ({ connectionCounts }) => connectionCounts.closedByCode,
  },
  {
    name: 'cairn_signal_upgrades_refused_total',
    type: 'counter',
    help: 'Upgrades that were refused, and requests and connections that never became one, by reason.',
    label: 'reason',
    moves: 'The reasons are listed below.',
    read: ({ refusals }) =>
      (Object.keys(REFUSAL_REASONS) as RefusalReason[]).map((reason) => [reason, refusals.of(reason)]),
  },
  {
    name: 'cairn_signal_topics',
    type: 'gauge',
    help: 'Topics with at least one subscriber on this node.',
    moves: 'Rises and falls with `connections`.',
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
    moves: 'Close to `max-subscriptions`: raise the limit and give the node memory for it, or add nodes.',
    read: ({ topics }) => topics.subscriptions,
  },
  {
    ...TIMED.meeting,
    type: 'histogram',
    histogram: ({ timings }) => timings.meeting,
    moves: `Shows that rendezvous works. No observations while peers connect: they do not meet. ${ONE_NODE}`,
  },
  {
    name: 'cairn_signal_messages_received_total',
    type: 'counter',
    help: 'Valid messages from peers, by kind.',
    label: 'kind',
    moves:
      'Subscribes without relays: peers find nobody. ' +
      'One kind far above the others: a single peer, or a broken release.',
    read: ({ traffic }) => Object.entries(traffic.received),
  },
  {
    name: 'cairn_signal_messages_dropped_total',
    type: 'counter',
    help: 'Messages that were dropped without an answer, by reason.',
    label: 'reason',
    moves:
      '`undecodable`, `unknown_text`: somebody speaks another protocol. ' +
      '`forbidden`: the topic policy, or a token, does not allow the CBOR message.',
    read: ({ traffic }) => Object.entries(traffic.dropped),
  },
  ...ANSWER_METRICS,
  {
    name: 'cairn_signal_topic_policy_failures_total',
    type: 'counter',
    help: 'Questions that the topic policy did not answer with yes or no, by reason. What was asked about is refused.',
    label: 'reason',
    moves:
      '`failed`: it threw. `timeout`: it took more than 5 s. `nonsense`: it answered something else. ' +
      'The log names the policy.',
    read: ({ policy }) => Object.entries(policy.failures),
  },
  {
    name: 'cairn_signal_topic_permissions_ended_total',
    type: 'counter',
    help: 'Subscriptions, presence on them, and published records that ended because the topic policy allows them no more.',
    label: 'what',
    moves: 'Somebody took permissions back, or the policy failed for a minute.',
    read: ({ policy }) => Object.entries(policy.ended),
  },
  {
    name: 'cairn_signal_deliveries_total',
    type: 'counter',
    help: 'Relays written to subscribers of this node; each subscriber counts.',
    moves: 'About one per relay if peers come in pairs.',
    read: ({ traffic }) => traffic.deliveries,
  },
  {
    name: 'cairn_signal_relays_unheard_total',
    type: 'counter',
    help: 'Relays whose topic had no other subscriber on this node.',
    moves: `A growing share of all relays: senders are early, or their peers are elsewhere. ${ONE_NODE}`,
    read: ({ traffic }) => traffic.unheard,
  },
  {
    name: 'cairn_signal_application_relays_total',
    type: 'counter',
    help: 'Relays of the application that embeds the server: out, what it relayed; in, what it was sent.',
    label: 'direction',
    moves: 'Only an application that uses SignalingService has any.',
    read: ({ traffic }) => Object.entries(traffic.application),
  },
  {
    name: 'cairn_signal_received_bytes_total',
    type: 'counter',
    help: 'Bytes of messages that peers sent, without framing.',
    moves: 'The load, together with the next one.',
    read: ({ traffic }) => traffic.bytesIn,
  },
  {
    name: 'cairn_signal_sent_bytes_total',
    type: 'counter',
    help: 'Bytes of WebSocket frames written to peers.',
    moves: 'Far above the bytes received: large topics multiply them. `max-subscribers-per-topic` bounds that.',
    read: ({ traffic }) => traffic.bytesOut,
  },
  {
    ...TIMED.relayHandling,
    type: 'histogram',
    histogram: ({ timings }) => timings.relayHandling,
    moves: 'Normally microseconds. Milliseconds: topics with very many subscribers, or a busy processor.',
  },
  {
    ...TIMED.relay,
    type: 'histogram',
    histogram: ({ timings }) => timings.relay,
    moves:
      'Normally below a millisecond. Far above the handling: one turn of the event loop brings very much, or a CPU limit ' +
      'throttles the process. It does not contain what a relay waits in the system before the server reads it, which is ' +
      'one turn more at most, nor the wait for a topic policy, for a rate limit, or for a peer that lags.',
  },
  {
    name: 'cairn_signal_limits_reached_total',
    type: 'counter',
    help: 'How often a peer reached a limit, by the setting that changes it.',
    label: 'limit',
    moves: 'Honest peers do not reach limits. If they do, raise the setting; otherwise find the address.',
    read: ({ limits }) => LIMITS.map((limit) => [limit, limits.of(limit)]),
  },
  {
    name: 'cairn_signal_granted_topics_bytes',
    type: 'gauge',
    help: 'Bytes of memory for the topics that the JWTs of connected peers name.',
    moves:
      'Much for each of `connections`: issuers put many topics into their tokens. `max-jwt-bytes` bounds it for one peer.',
    read: ({ connections }) => {
      let bytes = 0;
      for (const { credential } of connections) bytes += credential?.topics?.bytes ?? 0;
      return bytes;
    },
  },
  {
    name: 'cairn_signal_buffered_bytes',
    type: 'gauge',
    help: 'Bytes of memory for messages that wait for slow consumers.',
    moves:
      'Close to `max-buffered-total-bytes`: many peers lag, or a few that are sent a lot. ' +
      'At the limit the connections with the most bytes waiting are closed.',
    read: ({ held }) => held.buffered.total,
  },
  {
    name: 'cairn_signal_unfinished_bytes',
    type: 'gauge',
    help:
      'Bytes of memory for input that is not handled yet: unfinished messages, ' +
      'and messages that the rate limit holds back.',
    moves:
      'Close to `max-unfinished-total-bytes`: somebody starts messages and does not finish them, ' +
      'or many peers send too fast. At the limit the connections that hold the most are closed.',
    read: ({ held }) => held.unfinished.total,
  },
  ...RECORD_METRICS,
  ...PRESENCE_METRICS,
  ...ICE_METRICS,
  ...BUS_METRICS,
  {
    name: 'cairn_signal_tls_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the certificate in use expires, in seconds since the epoch; absent without TLS.',
    moves: 'Less than two weeks ahead: renew the certificate. The server reloads it when the file changes.',
    read: ({ certificate }) => (certificate.at === undefined ? undefined : certificate.at / 1000),
  },
  {
    name: 'cairn_signal_tls_client_crl_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the first list in tls-client-crl expires, in seconds since the epoch; absent without one.',
    moves:
      'Hours ahead: get the next list of that authority. Once it has expired, newcomers with its certificates are ' +
      'answered 503.',
    read: ({ certificate }) => (certificate.listsAt === undefined ? undefined : certificate.listsAt / 1000),
  },
  {
    name: 'cairn_signal_log_lines_dropped_total',
    type: 'counter',
    help: 'Log lines that were dropped because standard output did not take them.',
    moves:
      'The disk is full, or nobody reads the log. Peers are not affected. ' +
      'When it works again, a line in the log says how many were lost.',
    read: ({ logs }) => logs.dropped,
  },
  {
    name: 'cairn_signal_operator_requests_total',
    type: 'counter',
    help: 'Requests for /connections on the management address, by outcome.',
    label: 'outcome',
    moves:
      '`unauthorized`: somebody tries tokens there, or an operator has an old one. ' +
      '`nobody`: connections of a principal were to be closed that had none.',
    read: ({ operators }) => Object.entries(operators.outcomes),
  },
  {
    name: 'cairn_signal_audit_lines_total',
    type: 'counter',
    help: 'Lines of the audit, by what became of them.',
    label: 'result',
    moves:
      '`dropped`: nobody reads the audit, its disk is full, or refusals come faster than they are written. ' +
      'The next line that is written says how many were.',
    read: ({ audit }) => [
      ['written', audit.written],
      ['dropped', audit.dropped],
    ],
  },
];
