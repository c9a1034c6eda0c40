import { bytes, count, onOff } from './values.js';

/** Settings of presence: what the peers of `cairn-signal.v2` are told of the members of a topic (V3-V5). */
export const presenceSettings = {
  presence: onOff.prefault('on').meta({
    about:
      'Whether cairn-signal.v2 peers that ask for it are told who subscribes to a topic. ' +
      'When off, they are told how many do.',
  }),
  presenceMembers: count(1, 256)
    .prefault(32)
    .meta({
      about:
        'Members of one topic, on all nodes, that are told one by one. Of more members only the number is told, ' +
        'at most once in 2 s.',
    }),
  presenceDataBytes: bytes(0, 4096)
    .prefault(1024)
    .meta({ about: 'Largest data that a member may show to the others of its topic. More is refused.' }),
  presenceTotalBytes: bytes(65_536, 64 * 1024 * 1024 * 1024)
    .prefault(67_108_864)
    .meta({
      about:
        'Memory for the data of all members, and for what is known of members on other nodes, which takes half at most. ' +
        'Beyond it, a Subscribe with data is refused, and members of other nodes are left out: the list is then partial.',
    }),
};
