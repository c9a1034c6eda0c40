import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LocalMember, LocalMembers } from '../../../src/presence/local-members.js';
import { MemberIds } from '../../../src/presence/member-ids.js';
import { costOfData } from '../../../src/presence/presence-cost.js';
import type { Told } from '../../../src/presence/telling.js';
import { PresenceStage } from '../../support/presence-stage.js';
import type { Heard } from '../../support/presence-stage.js';
import { StandIn } from '../../support/stand-in.js';
import { until } from '../../support/until.js';

const T = 'topic';

/** News in short: who hears it, who joined (with data), who left, and the rest. */
const short = ({ count, self, joined, left, partial }: Told): object => ({
  count,
  ...(self !== undefined && { self: Number(self) }),
  ...(joined && { joined: joined.map(({ id, data }) => (data ? `${Number(id)}=${String(data)}` : Number(id))) }),
  ...(left && { left: left.map(Number) }),
  ...(partial && { partial }),
});
const news = (heard: Heard[]): object[] => heard.map(({ by, told }) => ({ by, ...short(told) }));

describe('Presence', () => {
  it('V3: every subscriber is a member, v1 peers too, from the first v2 member on', () => {
    const stage = new PresenceStage();
    const { presence } = stage;
    presence.came(T, stage.peer(7));
    expect([presence.size, presence.memberOf(T, stage.peer(7)), presence.here(T)]).toEqual([0, undefined, undefined]);
    presence.join(T, stage.peer(1), [stage.peer(7), stage.peer(1)]);
    presence.came(T, stage.peer(8));
    expect(short(presence.look(T, stage.peer(1))!)).toEqual({ count: 3, self: 2, joined: [1, 3] });
    expect(presence.look(T, stage.peer(7))).toBeUndefined();
    expect(presence.connectionOf(T, stage.id(3))).toBe(stage.peer(8));
    presence.left(T, stage.peer(1));
    expect([presence.size, presence.memberOf(T, stage.peer(7))]).toEqual([0, undefined]);
  });

  it('V3: an id is for one subscription: who comes again has a new one', () => {
    const stage = new PresenceStage();
    stage.enter(T, 1);
    const first = stage.presence.join(T, stage.peer(2), []);
    expect(stage.presence.join(T, stage.peer(2), [])).toBe(first);
    stage.presence.left(T, stage.peer(2));
    expect(stage.presence.join(T, stage.peer(2), [])).not.toBe(first);
    expect(stage.presence.connectionOf(T, first)).toBeUndefined();
  });

  it('V3: ids are 8 random bytes, each a character', () => {
    const ids = new MemberIds();
    const made = Array.from({ length: 2000 }, () => ids.next());
    expect(new Set(made).size).toBe(2000);
    expect(made.every((id) => /^[\0-\xff]{8}$/.test(id))).toBe(true);
    expect(new Set(made.join('')).size).toBe(256);
  });

  it('V4: who looks is told himself, and everybody else; his own coming is no news to him', () => {
    const stage = new PresenceStage();
    expect(short(stage.enter(T, 1, 'one'))).toEqual({ count: 1, self: 1, joined: [] });
    expect(stage.pass()).toEqual([]);
    expect(short(stage.enter(T, 2))).toEqual({ count: 2, self: 2, joined: ['1=one'] });
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2, joined: [2] }]);
  });

  it('V4: the first change is told at once, later ones 250 ms after it, together', () => {
    const stage = new PresenceStage();
    stage.enter(T, 1);
    stage.enter(T, 2);
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2, joined: [2] }]);
    stage.presence.join(T, stage.peer(3), []);
    stage.presence.left(T, stage.peer(2));
    expect(stage.pass(249)).toEqual([]);
    stage.presence.join(T, stage.peer(4), []);
    expect(news(stage.pass(1))).toEqual([{ by: [1], count: 3, joined: [3, 4], left: [2] }]);
    expect(stage.pass(250)).toEqual([]);
    stage.presence.left(T, stage.peer(4));
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2, left: [4] }]);
    expect(stage.counts).toMatchObject({ frames: 3, told: 3, coalesced: 2 });
  });

  it('V4: at the end of the turn means no timer of 250 ms', async () => {
    const stage = new PresenceStage();
    stage.enter(T, 1);
    stage.enter(T, 2);
    await until(() => stage.pass().length > 0 || stage.counts.frames > 0);
    expect(stage.counts.frames).toBe(1);
    stage.presence.onModuleDestroy();
  });

  it('V4: a newcomer in the middle of a window is told what is so, and later only what changed after', () => {
    const stage = new PresenceStage();
    stage.enter(T, 1);
    stage.enter(T, 2);
    stage.pass();
    stage.presence.join(T, stage.peer(3), []);
    expect(short(stage.enter(T, 4))).toEqual({ count: 4, self: 4, joined: [1, 2, 3] });
    stage.presence.left(T, stage.peer(3));
    expect(news(stage.pass(250))).toEqual([
      { by: [1, 2], count: 3, joined: [4] },
      { by: [4], count: 3, left: [3] },
    ]);
  });

  it('V4: who came and went within a window is not told, and who left and came back is another', () => {
    const stage = new PresenceStage();
    stage.enter(T, 1);
    stage.enter(T, 2);
    stage.pass();
    stage.presence.join(T, stage.peer(3), []);
    stage.presence.left(T, stage.peer(3));
    expect(stage.pass(250)).toEqual([]);
    stage.presence.left(T, stage.peer(2));
    stage.presence.join(T, stage.peer(2), []);
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2, joined: [4], left: [2] }]);
  });

  it('V4: whoever is told the same is told by one frame, and only who is in it himself by another', () => {
    const stage = new PresenceStage();
    for (const n of [1, 2, 3]) stage.enter(T, n);
    stage.pass();
    stage.pass(250);
    stage.presence.update(T, stage.peer(1), Buffer.from('x'));
    stage.presence.update(T, stage.peer(2), Buffer.from('y'));
    expect(news(stage.pass())).toEqual([
      { by: [1], count: 3, joined: ['2=y'] },
      { by: [2], count: 3, joined: ['1=x'] },
      { by: [3], count: 3, joined: ['1=x', '2=y'] },
    ]);
  });

  it('V4: over presence-members only how many there are, at most once in 2 s; below that all of them again', () => {
    const stage = new PresenceStage({ presenceMembers: 2 });
    stage.enter(T, 1);
    stage.enter(T, 2, 'two');
    stage.pass();
    stage.pass(250);
    expect(short(stage.enter(T, 3))).toEqual({ count: 3, self: 3 });
    expect(news(stage.pass())).toEqual([{ by: [1, 2], count: 3 }]);
    stage.presence.join(T, stage.peer(4), []);
    expect(stage.pass(1999)).toEqual([]);
    expect(news(stage.pass(1))).toEqual([{ by: [1, 2, 3], count: 4 }]);
    stage.presence.left(T, stage.peer(4));
    stage.presence.left(T, stage.peer(3));
    expect(news(stage.pass(2000))).toEqual([
      { by: [1], count: 2, self: 1, joined: ['2=two'] },
      { by: [2], count: 2, self: 2, joined: [1] },
    ]);
  });

  it('V4: who begins to look after the last one has gone is told everything once', () => {
    const stage = new PresenceStage({ presenceMembers: 1 });
    stage.enter(T, 1);
    stage.presence.join(T, stage.peer(2), []);
    stage.presence.look(T, stage.peer(1));
    stage.presence.left(T, stage.peer(1));
    expect(short(stage.presence.look(T, stage.peer(2))!)).toEqual({ count: 1, self: 2, joined: [] });
    expect(stage.pass(2000)).toEqual([]);
  });

  it('V4: where as many are there as before, nobody is told a number', () => {
    const stage = new PresenceStage({ presenceMembers: 1 });
    stage.enter(T, 1);
    stage.enter(T, 2);
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2 }]);
    stage.presence.left(T, stage.peer(2));
    stage.enter(T, 3);
    expect(stage.pass(2000)).toEqual([]);
  });

  it('V4: presence off: how many there are, and nothing else', () => {
    const stage = new PresenceStage({ presence: false });
    expect(short(stage.enter(T, 1))).toEqual({ count: 1 });
    expect(short(stage.enter(T, 2, 'two'))).toEqual({ count: 2 });
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2 }]);
  });

  it('V4: who looks no more is told nothing', () => {
    const stage = new PresenceStage();
    stage.enter(T, 1);
    stage.presence.stopLooking(T, stage.peer(1));
    stage.enter(T, 2);
    expect(stage.pass()).toEqual([]);
    expect(stage.counts.lookers).toBe(1);
  });

  it('V5: new data are told, and the same again are not; what was lent may change', () => {
    const stage = new PresenceStage();
    const data = Buffer.from('one');
    stage.enter(T, 1);
    stage.presence.join(T, stage.peer(2), [], data);
    data.fill(0);
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2, joined: ['2=one'] }]);
    stage.presence.update(T, stage.peer(2), Buffer.from('one'));
    stage.presence.join(T, stage.peer(2), [], Buffer.from('one'));
    expect(stage.pass(250)).toEqual([]);
    stage.presence.join(T, stage.peer(2), [], Buffer.from(''));
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2, joined: ['2='] }]);
    expect(stage.announced).toEqual([
      `opened ${T}`,
      `came ${T} 00000001`,
      `came ${T} 00000002 one`,
      `came ${T} 00000002 `,
    ]);
  });

  it('V5: the memory of data is accounted for, and given back', () => {
    const stage = new PresenceStage({ presenceTotalBytes: 65_536 });
    const { presence, counts } = stage;
    stage.enter(T, 1, 'x'.repeat(1000));
    expect(counts.bytes).toBe(costOfData({ length: 1000 }));
    presence.update(T, stage.peer(1), Buffer.alloc(10));
    expect(counts.bytes).toBe(costOfData({ length: 10 }));
    const room = 65_536 - counts.bytes - costOfData({ length: 0 });
    expect([presence.hasRoomFor(room), presence.hasRoomFor(room + 1)]).toEqual([true, false]);
    expect(counts.refused).toBe(1);
    presence.left(T, stage.peer(1));
    expect(counts.bytes).toBe(0);
  });

  it('V12: members of other nodes are kept within half of presence-total-bytes, and nothing is thrown; data still fit', () => {
    const stage = new PresenceStage({ presenceTotalBytes: 65_536, presenceMembers: 256 });
    const { presence, counts } = stage;
    const members = Array.from({ length: 1000 }, (_, n) => ({ id: String(n).padStart(8, 'e'), data: undefined }));
    expect([presence.setNode(T, 'other', members), presence.addTo(T, 'other', members[0])]).toEqual([true, true]);
    expect(counts.bytes).toBe(0);
    stage.enter(T, 1);
    expect(presence.setNode(T, 'other', members)).toBe(false);
    expect(presence.elsewhere(T)).toBeGreaterThan(100);
    expect(counts.bytes).toBeLessThanOrEqual(32_768);
    expect(counts.bytes).toBeGreaterThan(32_500);
    expect(presence.hasRoomFor(1024)).toBe(true);
    expect(presence.addTo(T, 'another', members[999])).toBe(false);
    presence.setPartial(T, true);
    expect(presence.look(T, stage.peer(1))!.partial).toBe(true);
    presence.forgetNode('other');
    stage.pass();
    expect([presence.elsewhere(T), counts.bytes]).toEqual([0, 0]);
  });

  it('V12: other nodes are told from the first question on, until they want to know no more', () => {
    const stage = new PresenceStage();
    const { presence, announced } = stage;
    expect(presence.openFor(T, [])).toEqual([]);
    expect(presence.size).toBe(0);
    expect(presence.openFor(T, [stage.peer(1)])).toHaveLength(1);
    presence.came(T, stage.peer(2));
    presence.left(T, stage.peer(1));
    presence.join(T, stage.peer(3), []);
    presence.left(T, stage.peer(3));
    presence.closeFor(T);
    expect(presence.size).toBe(0);
    expect(announced).toEqual([
      `came ${T} 00000002`,
      `left ${T} 00000001`,
      `opened ${T}`,
      `came ${T} 00000003`,
      `left ${T} 00000003`,
      `closed ${T}`,
    ]);
  });

  it('V12: whoever asks about every topic of this node fills half of presence-total-bytes at most', () => {
    const stage = new PresenceStage({ presenceTotalBytes: 65_536 });
    const { presence, counts } = stage;
    const peers = [stage.peer(1), stage.peer(2)];
    const answers = Array.from({ length: 200 }, (_, n) => presence.openFor(`t${n}`, peers).length);
    expect([answers[0], answers[199]]).toEqual([2, 0]);
    expect(presence.size).toBe(answers.filter((members) => members > 0).length);
    expect(counts.bytes).toBeLessThanOrEqual(32_768);
    presence.join('t0', stage.peer(3), []);
    for (let n = 0; n < 200; n += 1) presence.closeFor(`t${n}`);
    expect([presence.size, counts.bytes, presence.here('t0')!.length]).toEqual([1, 0, 3]);
  });

  it('V12: nobody takes the place of a member of this node', () => {
    const stage = new PresenceStage();
    const { id } = { id: stage.presence.join(T, stage.peer(1), []) };
    expect(stage.presence.addTo(T, 'other', { id, data: Buffer.from('hostile') })).toBe(true);
    expect([stage.presence.isElsewhere(T, id), stage.presence.elsewhere(T)]).toEqual([false, 0]);
  });

  it('works in steps, however many topics change at the same moment', () => {
    const stage = new PresenceStage();
    for (let n = 0; n < 2000; n += 1) {
      stage.enter(`t${n}`, 1);
      stage.enter(`t${n}`, 2);
      stage.presence.addTo(`t${n}`, 'other', { id: 'elsewher', data: undefined });
    }
    let steps = 1;
    while (stage.presence.step()) steps += 1;
    expect(steps).toBeGreaterThanOrEqual(4);
    stage.pass();
    stage.pass(250);
    stage.presence.forgetNode('other');
    for (steps = 1; stage.presence.step();) steps += 1;
    expect(steps).toBeGreaterThanOrEqual(4);
    expect(stage.pass()).toHaveLength(2000);
  });
});

describe('MemberList', () => {
  it('finds members whatever their number, in the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 24 }), { maxLength: 100, size: 'max' }), (toggled) => {
        const members = new LocalMembers();
        const model = new Map<string, LocalMember>();
        const peers = Array.from({ length: 25 }, (_, n) => new StandIn(n, undefined, undefined));
        for (const n of toggled) {
          const member = new LocalMember(`${n}`, undefined, peers[n], true, false);
          // Every third time, it is replaced instead.
          if (!model.has(member.id) || n % 3 === 0) {
            members.set(member);
            model.set(member.id, member);
          } else {
            members.delete(member.id);
            model.delete(member.id);
          }
          expect([...members]).toEqual([...model.values()]);
          expect(members.size).toBe(model.size);
          const isFound = (peer: StandIn): boolean => {
            const found = model.get(`${peer.id}`);
            return members.of(peer) === found && members.get(`${peer.id}`) === found;
          };
          expect(peers.filter((peer) => !isFound(peer))).toEqual([]);
        }
      }),
      { numRuns: 20 },
    );
  });
});
