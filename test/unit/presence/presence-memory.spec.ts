import { describe, expect, it } from '@jest/globals';
import { PresenceCounts } from '../../../src/metrics/presence-counts.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { MemberIds } from '../../../src/presence/member-ids.js';
import { Presence } from '../../../src/presence/presence.js';
import { SHARE_OF_OTHERS } from '../../../src/presence/presence-room.js';
import { heapUsed } from '../../support/heap.js';
import { ManualClock } from '../../support/manual-clock.js';
import { StandIn } from '../../support/stand-in.js';

const MAX_BYTES = 4_194_304;
const peer = new StandIn(1, undefined, undefined);

describe('memory of presence', () => {
  it.each<[string, number, number, number | undefined]>([
    ['alone on their topics', 1, 1, undefined],
    ['eight on a topic', 8, 1, undefined],
    ['nine on a topic, which get an index', 9, 1, undefined],
    ['with a node each', 1000, 1000, undefined],
    ['with a byte of data', 1, 1, 1],
    ['with data of the limit', 1, 1, 1024],
  ])(
    'V12: members of other nodes, %s: the heap grows by no more than their part of presence-total-bytes',
    (_what, perTopic, perNode, size) => {
      const settings = parseSettings({ presenceTotalBytes: MAX_BYTES / SHARE_OF_OTHERS });
      const lent = size === undefined ? undefined : Buffer.alloc(size, 'x');
      /** Returns by how much the heap grows when there is room for no more. */
      function fill(): number {
        const counts = new PresenceCounts();
        const ids = new MemberIds();
        const presence = new Presence(settings, ids, counts, new ManualClock());
        const topics = Array.from({ length: Math.ceil(MAX_BYTES / 200 / perTopic) }, (_, n) => `topic ${n}`);
        for (const topic of topics) presence.join(topic, peer, []);
        const before = heapUsed();
        let taken = 0;
        let room = true;
        for (const topic of topics) {
          for (let n = 0; n < perTopic && room; n += 1) {
            const node = perNode === 1 ? 'node' : ids.next() + ids.next();
            room = presence.addTo(topic, node, { id: ids.next(), data: lent });
            if (room) taken += 1;
          }
        }
        const grown = heapUsed() - before;
        expect(room).toBe(false);
        expect(counts.members.elsewhere).toBe(taken);
        expect(counts.bytes).toBeGreaterThan(0.99 * MAX_BYTES);
        presence.onModuleDestroy();
        return grown;
      }
      // Whatever else this process does in between, such as compiling, can add to one of them.
      const grown = Math.min(fill(), fill(), fill());
      // The account is honest: not far above what is held, and not below.
      expect(grown).toBeLessThan(1.05 * MAX_BYTES);
      expect(grown).toBeGreaterThan(0.4 * MAX_BYTES);
    },
  );

  it('V3: a member of this node, one of two on its topic, takes at most 256 bytes', () => {
    const presence = new Presence(parseSettings({}), new MemberIds(), new PresenceCounts(), new ManualClock());
    const other = new StandIn(2, undefined, undefined);
    const topics = Array.from({ length: 20_000 }, (_, n) => `topic ${n}`);
    const before = heapUsed();
    for (const topic of topics) {
      presence.join(topic, peer, []);
      presence.join(topic, other, []);
    }
    expect((heapUsed() - before) / (2 * topics.length)).toBeLessThan(256);
    expect(presence.size).toBe(topics.length);
  });
});
