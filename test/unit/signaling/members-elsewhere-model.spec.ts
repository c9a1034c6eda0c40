import { expect, it } from '@jest/globals';
import type { Connection } from '../../../src/connection/connection.js';
import type { MemberId } from '../../../src/protocol/member.js';
import { ManualClock } from '../../support/manual-clock.js';
import { peerOf, PresenceNode } from '../../support/presence-node.js';
import { SimulatedBus } from '../../support/simulated-bus.js';
import type { SimulatedBackplane } from '../../support/simulated-bus.js';

type Node = PresenceNode<SimulatedBackplane>;

/** Numbers from 0 to 1 that depend on the seed alone. */
function randomOf(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Trouble {
  /** How likely it is that the next thing is a node that is cut off, or that ends; or that the bus takes nothing. */
  readonly cuts: number;
  readonly kills: number;
  readonly jams: number;
}

const ACTIONS = 40;
const TOPICS = ['a', 'b'];

/** Some nodes, on which peers come and go while words travel. */
class Scene {
  readonly clock = new ManualClock();
  readonly bus: SimulatedBus;
  readonly nodes: Node[] = [];
  /** Who subscribes, where. */
  readonly #peers: { readonly node: Node; readonly topic: string; readonly peer: Connection; readonly v2: boolean }[] =
    [];
  #count = 0;
  /** By node and topic: who is seen, and who was seen to have left. */
  readonly #seen = new Map<string, { now: Set<MemberId>; readonly left: Set<MemberId> }>();
  /** Whether nobody who left may be seen again. */
  readonly #strict: boolean;

  constructor(
    private readonly random: () => number,
    private readonly trouble: Trouble,
  ) {
    this.bus = new SimulatedBus(random);
    this.#strict = trouble.cuts === 0;
    const count = 2 + this.#below(3);
    for (let i = 0; i < count; i++) this.nodes.push(new PresenceNode(this.bus.join(), this.clock));
  }

  play(): void {
    for (let action = 0; action < ACTIONS; action++) {
      this.#act();
      for (let steps = this.#below(6); steps > 0; steps--) this.#step();
    }
    for (const node of this.nodes) {
      node.bus.full = false;
      if (!node.bus.up) this.bus.heal(node.bus);
    }
    // Longer than it takes until a node that was cut off has said everything again.
    for (let passed = 0; passed < (this.trouble.cuts > 0 ? 6000 : 2500); passed += 125) {
      while (this.bus.step()) this.#look();
      this.clock.pass(125);
      for (const node of this.nodes) node.step();
    }
    this.bus.settle();
  }

  /** What each node believes of the others is so. */
  check(): void {
    for (const node of this.nodes) {
      expect(node.bus.malformed).toBe(0);
      for (const topic of TOPICS) {
        const believed = node.membersElsewhere(topic);
        if (believed === undefined) continue;
        const others = this.nodes.filter((other) => other !== node);
        const truth = new Map(others.flatMap((other) => [...other.membersHere(topic)]));
        const subscribers = others.reduce((sum, other) => sum + other.registry.subscribers(topic).size, 0);
        expect({ partial: believed.partial, ...sorted(believed.members), count: believed.members.size }).toEqual({
          partial: false,
          ...sorted(truth),
          count: subscribers,
        });
        expect(node.elsewhere.isPartial(topic)).toBe(false);
      }
    }
  }

  stop(): void {
    for (const node of this.nodes) node.stop();
  }

  #act(): void {
    const chance = this.random();
    const { cuts, kills, jams } = this.trouble;
    const node = this.nodes[this.#below(this.nodes.length)];
    if (chance < cuts) {
      if (node.bus.up) this.bus.cut(node.bus);
      else this.bus.heal(node.bus);
    } else if (chance < cuts + kills) {
      if (this.nodes.length > 2) this.#kill(node);
    } else if (chance < cuts + kills + jams) {
      node.bus.full = !node.bus.full;
    } else if (chance < 0.6 || this.#peers.length === 0) {
      const v2 = this.random() < 0.6;
      const one = { node, topic: TOPICS[this.#below(TOPICS.length)], peer: peerOf((this.#count += 1)), v2 };
      this.#peers.push(one);
      node.enter(one.topic, one.peer, v2, v2 && this.random() < 0.5 ? `data ${this.#count}` : undefined);
    } else {
      const which = this.#below(this.#peers.length);
      const { node: where, topic, peer, v2 } = this.#peers[which];
      if (v2 && chance < 0.7) {
        where.enter(topic, peer, true, `data ${(this.#count += 1)}`);
      } else {
        this.#peers.splice(which, 1);
        where.leave(topic, peer);
        // Whoever comes after the last one has seen nobody leave.
        if (where.membersElsewhere(topic) === undefined) this.#seen.delete(`${where.bus.nodes.self} ${topic}`);
      }
    }
  }

  #kill(node: Node): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    this.#peers.splice(0, this.#peers.length, ...this.#peers.filter((one) => one.node !== node));
    this.bus.kill(node.bus);
    node.stop();
  }

  /** Something happens: on the bus, on a node, or time passes. */
  #step(): void {
    const chance = this.random();
    if (chance < 0.7) this.bus.step();
    else if (chance < 0.9) this.nodes[this.#below(this.nodes.length)].step();
    else this.clock.pass(this.#below(this.trouble.cuts > 0 ? 700 : 100));
    this.#look();
  }

  /** Nobody who left comes back. */
  #look(): void {
    if (!this.#strict) return;
    for (const node of this.nodes) {
      for (const topic of TOPICS) {
        const key = `${node.bus.nodes.self} ${topic}`;
        const believed = node.membersElsewhere(topic);
        if (believed === undefined) {
          this.#seen.delete(key);
          continue;
        }
        const seen = this.#seen.get(key) ?? { now: new Set(), left: new Set() };
        this.#seen.set(key, seen);
        for (const id of seen.now) if (!believed.members.has(id)) seen.left.add(id);
        for (const id of believed.members.keys()) if (seen.left.has(id)) throw new Error('who left has come back');
        seen.now = new Set(believed.members.keys());
      }
    }
  }

  #below(most: number): number {
    return Math.floor(this.random() * most);
  }
}

function sorted(members: Map<MemberId, string>): { readonly members: readonly string[] } {
  return {
    members: [...members].map(([id, data]) => `${Buffer.from(id, 'latin1').toString('hex')} ${data}`).toSorted(),
  };
}

it.each<[string, number, Trouble]>([
  ['whatever the order in which words travel', 1000, { cuts: 0, kills: 0, jams: 0 }],
  ['where nodes end, and the bus takes nothing for a while', 500, { cuts: 0, kills: 0.03, jams: 0.05 }],
  ['where nodes are cut off and come back', 500, { cuts: 0.06, kills: 0.01, jams: 0.02 }],
])('V12, N15: once it is quiet, each node knows the members of all others, %s', (_how, runs, trouble) => {
  expect.hasAssertions();
  for (let seed = 1; seed <= runs; seed++) {
    const scene = new Scene(randomOf(seed), trouble);
    try {
      scene.play();
      scene.check();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    } finally {
      scene.stop();
    }
  }
});
