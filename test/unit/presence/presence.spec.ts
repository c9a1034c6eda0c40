import { describe, expect, it } from '@jest/globals';
import type { Told } from '../../../src/presence/telling.js';
import { PresenceStage } from '../../support/presence-stage.js';
import type { Heard } from '../../support/presence-stage.js';

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
  it('V4: who looks is told himself, and everybody else; his own coming is no news to him', () => {
    const stage = new PresenceStage();
    expect(short(stage.enter(T, 1, 'one'))).toEqual({ count: 1, self: 1, joined: [] });
    expect(stage.pass()).toEqual([]);
    expect(short(stage.enter(T, 2))).toEqual({ count: 2, self: 2, joined: ['1=one'] });
    expect(news(stage.pass())).toEqual([{ by: [1], count: 2, joined: [2] }]);
  });
});
