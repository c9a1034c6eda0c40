import { SUBPROTOCOLS } from '../protocol/subprotocol.js';
import type { MetricRow } from './metric-row.js';

/** Metrics of what peers of cairn-signal.v2 ask, and are answered (docs/protocol.md, section 12). */
export const ANSWER_METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_protocol_connections',
    type: 'gauge',
    help: 'Peers that are connected, by the subprotocol that was selected.',
    label: 'protocol',
    moves:
      'Shows which clients are in use. `none`: the published libraries. `cairn-signal.v2`: peers that are answered.',
    read: ({ connections }) =>
      [...SUBPROTOCOLS, undefined].map((protocol) => [protocol ?? 'none', connections.byProtocol.get(protocol) ?? 0]),
  },
  {
    name: 'cairn_signal_requests_total',
    type: 'counter',
    help: 'Those of the valid messages that came over cairn-signal.v2, by kind.',
    label: 'kind',
    moves: 'As the messages received. `pong`: the answers to the heartbeat.',
    read: ({ traffic }) => Object.entries(traffic.requests),
  },
  {
    name: 'cairn_signal_acks_total',
    type: 'counter',
    help: 'Acks sent to peers of cairn-signal.v2.',
    moves: 'Far below the requests: most of them ask for no answer.',
    read: ({ answers }) => answers.acks,
  },
  {
    name: 'cairn_signal_acks_of_nobody_total',
    type: 'counter',
    help: 'Acks of a Relay that was handed to nobody.',
    moves: 'A growing share of all acks: senders are early, or those they look for have left.',
    read: ({ answers }) => answers.nobody,
  },
  {
    name: 'cairn_signal_errors_total',
    type: 'counter',
    help: 'Errors sent to peers of cairn-signal.v2, by code.',
    label: 'code',
    moves:
      '`malformed`, `unsupported`: a broken or newer client. `forbidden`: the topic policy, or a token. ' +
      'The others: a limit, which cairn_signal_limits_reached_total names.',
    read: ({ answers }) => Object.entries(answers.errors),
  },
];
