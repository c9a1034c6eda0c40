import { Backplane } from '../../src/backplane/backplane.js';
import type { BackplaneState, Hear } from '../../src/backplane/backplane.js';

/** What a node has sent and the bus has not handled yet. */
type Sent =
  | { readonly kind: 'sub' | 'unsub'; readonly topic: string; readonly id: number }
  | { readonly kind: 'word'; readonly topic: string; readonly word: Buffer; readonly heard?: (nobody: boolean) => void }
  /** Said to all nodes. */
  | { readonly kind: 'call'; readonly hear: (node: SimulatedBackplane) => void }
  /** Comes back once everything before it is handled. */
  | { readonly kind: 'ping'; readonly pong: () => void };

/** What the bus has handled, on its way to one receiver. */
interface Travelling {
  readonly from: SimulatedBackplane;
  readonly to: SimulatedBackplane;
  readonly arrive: () => void;
}

/**
 * One NATS server with its nodes, message by message. Each thing that may happen happens when a test says so: the server
 * handles what a node sent; a message that it handles reaches one of the receivers; a node handles what has arrived.
 * Invariant: as NATS does, it handles what one node sends in order, each message to its end before the next. What
 * different nodes send at the same time reaches each receiver in another order.
 */
export class SimulatedBus {
  readonly nodes: SimulatedBackplane[] = [];
  /** Words and their bytes. */
  words = 0;
  wordBytes = 0;
  /** Makes a word get lost now and then. */
  loses: () => boolean = () => false;
  /** By topic: the ids of the subscriptions of each node. */
  readonly #subscribers = new Map<string, Map<SimulatedBackplane, number>>();
  readonly #travelling = new Map<string, Travelling[]>();

  /** `random` returns a number from 0 to 1. */
  constructor(private readonly random: () => number) {}

  join(): SimulatedBackplane {
    const node = new SimulatedBackplane();
    for (const other of this.nodes) {
      other.nodes.heard(node.nodes.self, 'here');
      node.nodes.heard(other.nodes.self, 'here', { wantsMembers: other.wants });
    }
    this.nodes.push(node);
    return node;
  }

  /** Lets one thing happen. Returns false if nothing can. */
  step(): boolean {
    const able: (() => void)[] = [];
    for (const node of this.nodes) {
      if (node.sent.length > 0) able.push(() => this.#handle(node, node.sent.shift()!));
      if (node.arrived.length > 0) able.push(() => node.arrived.shift()!());
    }
    for (const [way, words] of this.#travelling) {
      able.push(() => {
        const { to, arrive } = words.shift()!;
        if (words.length === 0) this.#travelling.delete(way);
        to.arrived.push(arrive);
      });
    }
    if (able.length === 0) return false;
    able[Math.floor(this.random() * able.length)]();
    return true;
  }

  settle(): void {
    while (this.step());
  }

  /** A node loses its connection: what it had sent and what was to arrive is lost. */
  cut(node: SimulatedBackplane): void {
    node.up = false;
    node.nodes.cutOff();
    node.sent.length = 0;
    node.arrived.length = 0;
    for (const nodes of this.#subscribers.values()) nodes.delete(node);
    for (const [way, words] of this.#travelling) if (words[0].to === node) this.#travelling.delete(way);
  }

  /** A node has its connection again: it subscribes anew, calls, and is told when that is done. */
  heal(node: SimulatedBackplane): void {
    node.up = true;
    for (const [topic, id] of node.topics) node.sent.push({ kind: 'sub', topic, id });
    const { self } = node.nodes;
    const hear = (other: SimulatedBackplane): void => {
      other.nodes.heard(self, 'coming', { wantsMembers: node.wants });
      other.nodes.heard(self, 'here', { wantsMembers: node.wants });
      const answer = (): void => void node.nodes.heard(other.nodes.self, 'here', { wantsMembers: other.wants });
      if (node.up) this.#travel(other, node, answer);
    };
    node.sent.push({ kind: 'call', hear }, { kind: 'ping', pong: () => node.recover() });
  }

  /** A node ends, and the others notice. */
  kill(node: SimulatedBackplane): void {
    this.#deliver(node);
    this.cut(node);
    this.nodes.splice(this.nodes.indexOf(node), 1);
    for (const other of this.nodes) if (other.up) other.arrived.push(() => other.nodes.left(node.nodes.self));
  }

  /** What the bus has handled reaches all receivers. */
  #deliver(from: SimulatedBackplane): void {
    for (const [way, words] of this.#travelling) {
      if (words[0].from !== from) continue;
      this.#travelling.delete(way);
      for (const { to, arrive } of words) to.arrived.push(arrive);
    }
  }

  #handle(from: SimulatedBackplane, sent: Sent): void {
    this.#deliver(from);
    if (sent.kind === 'ping') {
      from.arrived.push(sent.pong);
    } else if (sent.kind === 'call') {
      for (const to of this.nodes) if (to !== from && to.up) this.#travel(from, to, () => sent.hear(to));
    } else if (sent.kind === 'word') {
      this.#publish(from, sent);
    } else {
      const subscribers = this.#subscribers.get(sent.topic) ?? new Map<SimulatedBackplane, number>();
      this.#subscribers.set(sent.topic, subscribers);
      if (sent.kind === 'sub') subscribers.set(from, sent.id);
      else subscribers.delete(from);
    }
  }

  #publish(from: SimulatedBackplane, { topic, word, heard }: Extract<Sent, { kind: 'word' }>): void {
    const others = [...(this.#subscribers.get(topic) ?? [])].filter(([node]) => node !== from);
    this.words += 1;
    this.wordBytes += word.length;
    for (const [to, id] of others) if (!this.loses()) this.#travel(from, to, () => to.take(topic, id, word));
    if (heard !== undefined) from.arrived.push(() => heard(others.length === 0));
  }

  #travel(from: SimulatedBackplane, to: SimulatedBackplane, arrive: () => void): void {
    const way = `${from.nodes.self} ${to.nodes.self}`;
    const words = this.#travelling.get(way);
    if (words === undefined) this.#travelling.set(way, [{ from, to, arrive }]);
    else words.push({ from, to, arrive });
  }
}

/** A node's side of a SimulatedBus. */
export class SimulatedBackplane extends Backplane {
  readonly sent: Sent[] = [];
  readonly arrived: (() => void)[] = [];
  /** The topics that it subscribes to, with the ids of the subscriptions. */
  readonly topics = new Map<string, number>();
  #lastId = 0;
  /** Words that no node may say. */
  malformed = 0;
  up = true;
  wants = false;
  /** Whether the bus takes nothing more at the moment. */
  full = false;
  #hear: Hear = () => false;
  readonly #recovered: (() => void)[] = [];

  get state(): BackplaneState {
    return this.up ? 'up' : 'down';
  }

  override get most(): number {
    return this.up ? 1024 * 1024 : 0;
  }

  hear(hear: Hear): void {
    this.#hear = hear;
  }

  onRecovery(recovered: () => void): void {
    this.#recovered.push(recovered);
  }

  recover(): void {
    for (const recovered of this.#recovered) recovered();
  }

  /** A word arrives. What came over a subscription that has ended is not heard. */
  take(topic: string, id: number, word: Buffer): void {
    if (this.topics.get(topic) === id && !this.#hear(topic, word)) this.malformed += 1;
  }

  tell(topic: string, word: Uint8Array, heard?: (nobody: boolean) => void): boolean {
    if (!this.up || this.full) return false;
    this.sent.push({ kind: 'word', topic, word: Buffer.from(word), ...(heard && { heard }) });
    return true;
  }

  override wantMembers(wants: boolean): void {
    if (this.wants === wants) return;
    this.wants = wants;
    if (!this.up) return;
    const { self } = this.nodes;
    this.sent.push({ kind: 'call', hear: (other) => void other.nodes.heard(self, 'here', { wantsMembers: wants }) });
  }

  /** Returns what is fulfilled, within the step, when the bus has the subscription. */
  subscribe(topic: string): Promise<void> | undefined {
    if (this.topics.has(topic)) return undefined;
    this.#lastId += 1;
    const id = this.#lastId;
    this.topics.set(topic, id);
    if (!this.up) return undefined;
    this.sent.push({ kind: 'sub', topic, id });
    const then = (confirmed: () => void): void => void this.sent.push({ kind: 'ping', pong: confirmed });
    // oxlint-disable-next-line unicorn/no-thenable -- what waits for it must run in this step, not later
    return { then } as Promise<void>;
  }

  unsubscribe(topic: string): void {
    const id = this.topics.get(topic);
    this.topics.delete(topic);
    if (this.up && id !== undefined) this.sent.push({ kind: 'unsub', topic, id });
  }

  listen(): void {
    // Only words matter here.
  }

  publish(): void {
    // As above.
  }

  respond(): void {
    // There are no records.
  }

  offer(): undefined {
    return undefined;
  }

  withdraw(): void {
    // As above.
  }

  ask(): undefined {
    return undefined;
  }

  obey(): void {
    // Nobody orders.
  }

  order(): Promise<readonly Uint8Array[]> {
    return Promise.resolve([]);
  }
}
