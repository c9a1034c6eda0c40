import type { MetricRow } from './metric-row.js';

/** Rows of the metric table for the bus between nodes. */
export const BUS_METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_backplane_up',
    type: 'gauge',
    help: 'Whether the bus between nodes is up: 1 or 0; absent without a bus.',
    moves: '0: NATS cannot be reached, so peers on different nodes do not meet. See the log.',
    read: ({ backplane }) => (backplane.state === 'off' ? undefined : Number(backplane.connected)),
  },
  {
    name: 'cairn_signal_backplane_degraded',
    type: 'gauge',
    help: 'Whether NATS refuses part of what this node wants, or does not answer: 1 or 0; absent without a bus.',
    moves: '1: some topics do not reach other nodes. `/health/ready` and the log say why.',
    read: ({ backplane }) => (backplane.state === 'off' ? undefined : Number(backplane.state === 'degraded')),
  },
  {
    name: 'cairn_signal_backplane_round_trip_seconds',
    type: 'gauge',
    help: 'Last round trip to the bus.',
    moves: 'Every Subscribe waits this long. Milliseconds within one site; more means that NATS is far away or busy.',
    read: ({ bus }) => (bus.roundTripMs === undefined ? undefined : bus.roundTripMs / 1000),
  },
  {
    name: 'cairn_signal_backplane_nodes',
    type: 'gauge',
    help: 'Other nodes that this node knows of; absent without a bus.',
    moves:
      'Fewer than you run, less this one: some are down, cut off, of a version up to 0.3.0, or use another prefix.',
    read: ({ backplane }) => (backplane.state === 'off' ? undefined : backplane.nodes.others.size),
  },
  {
    name: 'cairn_signal_backplane_subscriptions',
    type: 'gauge',
    help: 'Topics that this node is subscribed to on the bus.',
    moves: 'A little above `topics`: a topic stays for a second after its last subscriber left.',
    read: ({ bus }) => bus.subscriptions,
  },
  {
    name: 'cairn_signal_backplane_messages_total',
    type: 'counter',
    help: 'Relays that crossed the bus, by direction.',
    label: 'direction',
    moves: 'The load of the bus. Without `in`, no peers on different nodes meet.',
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
    name: 'cairn_signal_backplane_words_total',
    type: 'counter',
    help: 'What nodes said to each other about the members of topics, by direction.',
    label: 'direction',
    moves: 'The cost of `cairn-signal.v2` on the bus; 0 without its peers. Many: peers come and go, or NATS was away.',
    read: ({ bus }) => [
      ['out', bus.wordsOut],
      ['in', bus.wordsIn],
    ],
  },
  {
    name: 'cairn_signal_backplane_word_bytes_total',
    type: 'counter',
    help: 'Bytes of what nodes said to each other about the members of topics, by direction.',
    label: 'direction',
    moves: 'As above.',
    read: ({ bus }) => [
      ['out', bus.wordBytesOut],
      ['in', bus.wordBytesIn],
    ],
  },
  {
    name: 'cairn_signal_backplane_dropped_total',
    type: 'counter',
    help: 'Relays, answers with records, and calls of nodes, that did not cross the bus, by reason.',
    label: 'reason',
    moves:
      '`down`: NATS could not be reached. `slow`: it does not keep up. `late`: it passed on what it had taken before it ' +
      'froze. `too_large`: raise its `max_payload`. `malformed`: somebody else writes to our subjects, or nodes have ' +
      'different limits for messages and records, or other versions.',
    read: ({ bus }) => Object.entries(bus.dropped),
  },
  {
    name: 'cairn_signal_backplane_failures_total',
    type: 'counter',
    help: 'Errors that NATS reported, such as refusals, plus messages of other nodes that could not be handled.',
    moves: 'The permissions or limits in NATS do not cover what a node needs; see the log.',
    read: ({ bus }) => bus.failed,
  },
  {
    name: 'cairn_signal_backplane_questions_total',
    type: 'counter',
    help: 'Questions about records that this node asked the others.',
    moves: 'About one for each query and subscription.',
    read: ({ bus }) => bus.questions,
  },
  {
    name: 'cairn_signal_backplane_questions_dropped_total',
    type: 'counter',
    help: 'Questions that were not asked, not answered, or cut short, because there were too many.',
    moves: 'Records of other nodes were not found: there are more queries than the nodes can take.',
    read: ({ bus }) => bus.questionsDropped,
  },
];
