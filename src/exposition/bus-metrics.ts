import type { MetricRow } from './metric-table.js';

/** The rows of the table of metrics that are about the bus between nodes. */
export const BUS_METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_backplane_up',
    type: 'gauge',
    help: 'Whether the bus between nodes is reached: 1 or 0; absent where there is none.',
    moves: '0: NATS is away, and peers of different nodes do not meet. See the log.',
    read: ({ backplane }) => (backplane.state === 'off' ? undefined : Number(backplane.state === 'up')),
  },
  {
    name: 'cairn_signal_backplane_round_trip_seconds',
    type: 'gauge',
    help: 'How long the bus took to answer last.',
    moves: 'Adds to every Subscribe. Milliseconds in one place; more means a far or a busy NATS.',
    read: ({ bus }) => (bus.roundTripMs === undefined ? undefined : bus.roundTripMs / 1000),
  },
  {
    name: 'cairn_signal_backplane_subscriptions',
    type: 'gauge',
    help: 'Topics that this node has on the bus.',
    moves: 'A little above `topics`: each stays for a second after its last subscriber.',
    read: ({ bus }) => bus.subscriptions,
  },
  {
    name: 'cairn_signal_backplane_messages_total',
    type: 'counter',
    help: 'Relays that crossed the bus, by direction.',
    label: 'direction',
    moves: 'The load of the bus; without `in` no peers of different nodes meet.',
    read: ({ bus }) => [
      ['out', bus.messagesOut],
      ['in', bus.messagesIn],
    ],
  },
  {
    name: 'cairn_signal_backplane_bytes_total',
    type: 'counter',
    help: 'Bytes of relays that crossed the bus, by direction.',
    label: 'direction',
    moves: 'As above.',
    read: ({ bus }) => [
      ['out', bus.bytesOut],
      ['in', bus.bytesIn],
    ],
  },
  {
    name: 'cairn_signal_backplane_dropped_total',
    type: 'counter',
    help: 'Relays, and answers to questions for records, that did not cross the bus, by reason.',
    label: 'reason',
    moves:
      '`down`: NATS was away. `slow`: it does not keep up. `too_large`: raise its `max_payload`. `malformed`: somebody else writes to our subjects, or nodes have different limits for messages and records.',
    read: ({ bus }) => Object.entries(bus.dropped),
  },
  {
    name: 'cairn_signal_backplane_failures_total',
    type: 'counter',
    help: 'Subscriptions that NATS refused, and messages of other nodes that could not be handled.',
    moves: 'Permissions in NATS do not cover our subjects; see the log.',
    read: ({ bus }) => bus.failed,
  },
  {
    name: 'cairn_signal_backplane_questions_total',
    type: 'counter',
    help: 'Questions for records that this node asked the others.',
    moves: 'About one for each query and subscription.',
    read: ({ bus }) => bus.questions,
  },
  {
    name: 'cairn_signal_backplane_questions_dropped_total',
    type: 'counter',
    help: 'Questions not asked, not answered or not heard out, since there were too many.',
    moves: 'Records of other nodes were not found: more queries than the nodes take.',
    read: ({ bus }) => bus.questionsDropped,
  },
];
