import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PlainConnections } from '../../../src/transport/plain-connections.js';
import type { EvictionCause, Origin, PlainBounds, PlainConnection } from '../../../src/transport/plain-connections.js';

const at = (network: string): Origin => ({ address: network, network });

/** Plain connections with names, in the order in which they are closed. */
class Named {
  readonly closed: string[] = [];
  readonly reasons: [EvictionCause, string | undefined][] = [];
  readonly connections: PlainConnections;
  readonly #byName = new Map<string, PlainConnection>();

  constructor(bounds: Partial<PlainBounds>) {
    this.connections = new PlainConnections({
      max: () => Infinity,
      maxOf: () => Infinity,
      mayCutAnswers: true,
      evicted: (reason, origin) => this.reasons.push([reason, origin?.network]),
      ...bounds,
    });
  }

  /** The letters of a name are its network; "proxy..." has no network. */
  enter(...names: string[]): void {
    for (const name of names) {
      const network = /^[a-z]+/.exec(name)![0];
      this.#byName.set(
        name,
        this.connections.enter(network === 'proxy' ? undefined : at(network), () => this.closed.push(name)),
      );
    }
  }

  asks(...names: string[]): void {
    for (const name of names) this.connections.asks(this.#byName.get(name)!, this.#byName.get(name)!.opener!);
  }

  asksFor(network: string, ...names: string[]): void {
    for (const name of names) this.connections.asks(this.#byName.get(name)!, at(network));
  }

  answered(...names: string[]): void {
    for (const name of names) this.connections.answered(this.#byName.get(name)!);
  }

  rest(name: string): void {
    this.connections.rest(this.#byName.get(name)!);
  }

  leave(name: string): void {
    this.connections.leave(this.#byName.get(name)!);
  }
}

describe('plain connections', () => {
  it('L16: on a full node idle connections of any network are closed first, the longest idle one first', () => {
    const named = new Named({ max: () => 4 });
    named.enter('a1', 'b1', 'b2', 'c1');
    named.asks('c1', 'a1');
    named.answered('c1', 'a1');
    named.enter('d1', 'd2');
    expect(named.closed).toEqual(['c1', 'a1']);
    expect(named.reasons).toEqual([
      ['node', 'c'],
      ['node', 'a'],
    ]);
  });

  it('L16: then one of the largest network is closed: the oldest without a request, then the one that has been answered longest', () => {
    const named = new Named({ max: () => 6 });
    named.enter('a1', 'b1', 'b2', 'b3', 'b4', 'c1');
    named.asks('b1', 'b2');
    named.enter('d1', 'e1');
    expect(named.closed).toEqual(['b3', 'b4']);
    named.enter('a2');
    expect(named.closed).toEqual(['b3', 'b4', 'b1']);
    named.enter('a3');
    expect(named.closed.at(-1)).toBe('a1');
  });

  it('L16: a network that holds nearly all of a node pushes out only its own connections', () => {
    const named = new Named({ max: () => 100 });
    for (let i = 0; i < 90; i++) named.enter(`a${i}`);
    named.enter('b1', 'c1');
    for (let i = 90; i < 1000; i++) {
      named.enter(`a${i}`);
      if (i % 3 === 0) named.asks(`a${i}`);
    }
    expect(named.closed.filter((name) => !name.startsWith('a'))).toEqual([]);
    expect(named.connections.size).toBe(100);
  });

  it('L6: a network that has its full share loses one of its own connections, and no other network does', () => {
    const named = new Named({ maxOf: ({ network }) => (network === 'a' ? 3 : Infinity) });
    named.enter('a1', 'b1', 'a2', 'b2', 'a3');
    named.asks('b1', 'b2', 'a3');
    named.answered('b1', 'b2', 'a3');
    named.enter('a4', 'b3', 'a5');
    expect(named.closed).toEqual(['a3', 'a1']);
    expect(named.reasons).toEqual([
      ['network', 'a'],
      ['network', 'a'],
    ]);
  });

  it('a newcomer is never closed for itself, however small the bound', () => {
    const named = new Named({ max: () => 0, maxOf: () => -5 });
    named.enter('a1', 'a2', 'b1');
    expect(named.closed).toEqual(['a1', 'a2']);
    expect(named.connections.size).toBe(1);
  });

  it('L7: a connection of a proxy counts for nobody while idle, and for the client that sent the request being answered', () => {
    const named = new Named({ max: () => 6, maxOf: () => 2 });
    named.enter('proxy1', 'proxy2', 'proxy3', 'proxy4');
    named.asksFor('a', 'proxy1', 'proxy2');
    expect(named.closed).toEqual([]);
    named.asksFor('a', 'proxy3');
    expect(named.closed).toEqual(['proxy1']);
    named.asksFor('b', 'proxy4');
    named.enter('c1', 'd1', 'e1', 'g1');
    expect(named.closed).toEqual(['proxy1', 'proxy2']);
    named.answered('proxy3');
    named.enter('f1');
    expect(named.closed).toEqual(['proxy1', 'proxy2', 'proxy3']);
  });

  it('one with several requests is idle when the last of them is answered', () => {
    const named = new Named({ max: () => 2 });
    named.enter('a1', 'b1');
    named.asks('a1', 'a1', 'b1');
    named.answered('a1', 'b1');
    named.enter('c1');
    expect(named.closed).toEqual(['b1']);
  });

  it('a connection that became a peer does not count, and is idle again if it was refused', () => {
    const named = new Named({ max: () => 2 });
    named.enter('a1', 'a2');
    named.leave('a1');
    expect(named.connections.size).toBe(1);
    named.leave('a1');
    named.enter('b1');
    expect(named.closed).toEqual([]);
    named.leave('b1');
    named.rest('a1');
    expect(named.connections.size).toBe(2);
    named.enter('c1');
    expect(named.closed).toEqual(['a1']);
  });

  it('connections of an application are not closed while they are being answered', () => {
    const named = new Named({ max: () => 2, mayCutAnswers: false });
    named.enter('a1', 'a2');
    named.asks('a1', 'a2');
    named.enter('b1');
    expect(named.closed).toEqual([]);
    named.enter('c1');
    expect(named.closed).toEqual([]);
    expect(named.connections.size).toBe(4);
  });

  it('keeps both bounds and counts right, whatever happens in whatever order', () => {
    const step = fc.record({
      what: fc.constantFrom('enter', 'enter', 'enter', 'ask', 'answer', 'leave', 'rest'),
      network: fc.constantFrom('a', 'b', 'c', undefined),
      which: fc.nat(30),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200, size: 'max' }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 5 }),
        (steps, most, maxOf) => {
          const open = new Set<PlainConnection>();
          const connections = new PlainConnections({
            max: () => most,
            maxOf: () => maxOf,
            mayCutAnswers: true,
            evicted: () => undefined,
          });
          for (const { what, network, which } of steps) {
            const one = [...open][which % (open.size || 1)];
            if (what === 'enter') {
              const entered = connections.enter(network && at(network), () => open.delete(entered));
              open.add(entered);
            } else if (one === undefined) continue;
            else if (what === 'ask') connections.asks(one, one.opener ?? at('a'));
            else if (what === 'answer' && one.asked > 0) connections.answered(one);
            else if (what === 'leave') {
              connections.leave(one);
              open.delete(one);
            } else if (what === 'rest' && one.asked === 0) connections.rest(one);
            expect(connections.size).toBe(open.size);
            expect(open.size).toBeLessThanOrEqual(most);
            for (const name of ['a', 'b', 'c']) {
              expect([...open].filter(({ crowd }) => crowd?.origin?.network === name).length).toBeLessThanOrEqual(
                maxOf,
              );
            }
          }
        },
      ),
    );
  });
});
