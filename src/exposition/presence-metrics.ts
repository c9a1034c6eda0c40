import type { MetricRow } from './metric-row.js';

/** Metrics of presence: what cairn-signal.v2 peers are told of the members of topics. Rows of METRICS. */
export const PRESENCE_METRICS: readonly MetricRow[] = [
  {
    name: 'cairn_signal_presence_topics',
    type: 'gauge',
    help: 'Topics whose members are known: those with a cairn-signal.v2 peer here, or on another node.',
    moves: '0 while all peers speak v1. Then presence costs nothing.',
    read: ({ presence }) => presence.tables,
  },
  {
    name: 'cairn_signal_presence_members',
    type: 'gauge',
    help: 'Members of those topics, by where they are: here, or elsewhere, on another node.',
    label: 'where',
    moves: 'None elsewhere on a cluster: its peers of one topic are all on the same node, or the bus is away.',
    read: ({ presence }) => Object.entries(presence.members),
  },
  {
    name: 'cairn_signal_presence_lookers',
    type: 'gauge',
    help: 'Members of this node that are told who comes and goes.',
    moves: 'Rises with the peers that ask for presence.',
    read: ({ presence }) => presence.lookers,
  },
  {
    name: 'cairn_signal_presence_frames_total',
    type: 'counter',
    help: 'Frames that were made to tell members of changes. One may go to all of a topic.',
    moves: 'At most four a second for most topics: many members come and go all the time.',
    read: ({ presence }) => presence.frames,
  },
  {
    name: 'cairn_signal_presence_told_total',
    type: 'counter',
    help: 'Members that were told of changes; each one counts, each time.',
    moves: 'Far above the frames: large topics. `presence-members` bounds how much each of them is told.',
    read: ({ presence }) => presence.told,
  },
  {
    name: 'cairn_signal_presence_coalesced_total',
    type: 'counter',
    help: 'Changes that needed no frame of their own: they were told with others, or were over before.',
    moves: 'Many beside few frames: members come and go faster than others are told.',
    read: ({ presence }) => presence.coalesced,
  },
  {
    name: 'cairn_signal_presence_bytes',
    type: 'gauge',
    help: 'Bytes of memory for the data of members, and for what is known of members on other nodes.',
    moves: 'Close to `presence-total-bytes`: raise the limit, or lower `presence-data-bytes`.',
    read: ({ presence }) => presence.bytes,
  },
  {
    name: 'cairn_signal_presence_refused_total',
    type: 'counter',
    help: 'How often there was no room for data, or for members of other nodes.',
    moves: '`presence-total-bytes` is reached: Subscribes with data are refused, and lists are partial.',
    read: ({ presence }) => presence.refused,
  },
];
