import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Condition } from '../../../src/backplane/roster.js';
import { LOOK_MS, MOST_NODES, Roster, SILENT_MS } from '../../../src/backplane/roster.js';
import { ManualClock } from '../../support/manual-clock.js';

const idOf = (n: number): string => String(n).padStart(16, '0');
const [A, B] = [idOf(1), idOf(2)];

describe('N14: the list of other nodes', () => {
  let clock: ManualClock;
  let roster: Roster;
  let news: string[];
  beforeEach(() => {
    clock = new ManualClock();
    roster = new Roster();
    news = [];
    roster.watch({ came: (node) => news.push(`came ${node}`), gone: (node) => news.push(`gone ${node}`) });
    roster.watch({});
    roster.look(clock);
  });

  /** Lets time pass, and has the roster look as often as it does. */
  const listen = (milliseconds: number): void => {
    for (let passed = 0; passed < milliseconds; passed += LOOK_MS) {
      clock.pass(LOOK_MS);
      roster.look(clock);
    }
  };

  it('tells once who comes and who goes', () => {
    for (const node of [A, B, A]) roster.heard(node, 'here');
    roster.left(A);
    roster.left(A);
    expect(news).toEqual([`came ${A}`, `came ${B}`, `gone ${A}`]);
    expect([...roster.others.keys()]).toEqual([B]);
    roster.heard(A, 'here');
    expect(news.at(-1)).toBe(`came ${A}`);
  });

  it('a node that dies right after it was heard has gone within 15 s; one that is heard every 4 s stays', () => {
    roster.heard(A, 'here');
    for (let passed = 0; passed < 14_500; passed += LOOK_MS) {
      if (passed % 4000 === 0) roster.heard(B, 'here');
      expect(roster.others.has(A)).toBe(passed < SILENT_MS);
      listen(LOOK_MS);
    }
    expect([...roster.others.keys()]).toEqual([B]);
    expect(news).toEqual([`came ${A}`, `came ${B}`, `gone ${A}`]);
  });

  it('a node has come once it has all its subscriptions, also after it or this one was cut off', () => {
    const heard = (condition: Condition): number => {
      roster.heard(A, condition);
      return news.length;
    };
    expect([heard('coming'), roster.complete, roster.others.has(A)]).toEqual([0, false, true]);
    expect([heard('here'), roster.complete, heard('here'), heard('leaving')]).toEqual([1, true, 1, 1]);
    expect([heard('coming'), roster.complete, heard('coming')]).toEqual([1, false, 1]);
    expect([heard('here'), roster.complete]).toEqual([2, true]);
    roster.heard(B, 'here');
    roster.cutOff();
    expect([heard('here'), roster.complete]).toEqual([4, false]);
    roster.left(B);
    expect([roster.complete, news]).toEqual([
      true,
      [...Array<string>(2).fill(`came ${A}`), `came ${B}`, `came ${A}`, `gone ${B}`],
    ]);
  });

  it.each<[string, () => void]>([
    ['was cut off from the bus', () => roster.cutOff()],
    ['was stopped or asleep', () => undefined],
  ])('does not count the time in which this node %s', (_why, away) => {
    roster.heard(A, 'here');
    listen(SILENT_MS - 3 * LOOK_MS);
    away();
    clock.pass(3_600_000);
    roster.look(clock);
    expect(roster.others.has(A)).toBe(true);
    listen(3 * LOOK_MS);
    expect(roster.others.has(A)).toBe(false);
  });

  it.each<[string, () => void, boolean]>([
    ['nobody else is there', () => undefined, false],
    ['another one is about to come', () => roster.heard(A, 'coming'), false],
    ['another one is', () => roster.heard(A, 'here'), true],
    ['the other one is about to stop', () => roster.heard(A, 'leaving'), false],
    [
      'one of two is about to stop',
      () => [A, B].map((node) => roster.heard(node, node === A ? 'leaving' : 'here')),
      true,
    ],
    ['the other one begins to stop', () => (['here', 'leaving'] as const).map((how) => roster.heard(A, how)), false],
    ['the other one has stopped', () => [roster.heard(A, 'here'), roster.left(A)], false],
    ['this node was cut off and has heard nobody since', () => [roster.heard(A, 'here'), roster.cutOff()], false],
    [
      'this node was cut off and has heard the other one again',
      () => [roster.heard(A, 'here'), roster.cutOff(), roster.heard(A, 'here')],
      true,
    ],
    ['only this node was heard', () => roster.heard(roster.self, 'here'), false],
  ])('whether others take newcomers: %s', (_what, happen, welcoming) => {
    happen();
    expect(roster.welcoming).toBe(welcoming);
  });

  it('holds so many nodes and no more, and hears those that it knows', () => {
    for (let n = 0; n < MOST_NODES; n++) expect(roster.heard(idOf(n), 'here')).toBe(true);
    expect(roster.heard('one too many 123', 'here')).toBe(false);
    expect(roster.heard(idOf(0), 'leaving')).toBe(true);
    expect(roster.others.get(idOf(0))!.leaving).toBe(true);
    expect(roster.others.size).toBe(MOST_NODES);
    roster.left(idOf(1));
    expect(roster.heard('one too many 123', 'here')).toBe(true);
  });

  it('N1: knows what was sent over a connection that was given up, and what this node sent itself', () => {
    const tags = (): boolean[] =>
      [`${A}.1`, `${A}.2`, `${A}.3`, `${B}.1`, `${roster.self}.7`, roster.tag, '', A, `${A}.x`].map((tag) =>
        roster.stale(tag),
      );
    roster.heard(A, 'coming', { connection: 2 });
    expect(tags()).toEqual([true, false, false, false, true, true, false, true, false]);
    roster.left(A);
    expect(tags()).toEqual([false, false, false, false, true, true, false, false, false]);
  });

  it('ids are 16 characters, and no two are the same', () => {
    const ids = Array.from({ length: 1000 }, () => new Roster().self);
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[\w-]{16}$/);
  });
});
