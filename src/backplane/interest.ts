import type { Msg } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import { Sweep } from '../clock/sweep.js';
import type { BareSubscriptions, Receiver } from './nats-internals.js';
import type { Subjects } from './subjects.js';

/** How long, in milliseconds, an unwanted topic stays on the bus: peers come back, and subscriptions travel far. */
const LINGER_MS = 1000;
/** Milliseconds between two looks for topics to take off the bus. */
const SWEEP_MS = 250;
/** Number of subscriptions that are sent together on a new connection, before NATS must have answered. */
const SENT_TOGETHER = 1000;

/** A topic with a subscription on the bus. There may be a million, so each byte counts. */
export class Wanted implements Expiring<Wanted>, Receiver {
  /** Fulfilled when messages are sure to arrive; undefined when they already are, or when that is not known. */
  confirmed: Promise<void> | undefined = undefined;
  /** When the subscription ends, in milliseconds on the monotonic clock. */
  until = 0;
  previous: Wanted | undefined = undefined;
  next: Wanted | undefined = undefined;
  list: ExpiryList<Wanted> | undefined = undefined;
  /** Whether no other node has the topic, as far as NATS knows and says. Only offers know. */
  alone = false;
  /** When NATS was last asked about that, in seconds on the monotonic clock. */
  checked = 0;
  readonly id: number;

  constructor(
    readonly topic: string,
    private readonly interest: Interest,
    subscriptions: BareSubscriptions,
  ) {
    this.id = subscriptions.add(this);
  }

  /** Makes the next subscribers of the topic wait for `confirmed`, until its messages are sure to arrive. */
  waitFor(confirmed: Promise<void>): void {
    const mine = confirmed.then(() => {
      if (this.confirmed === mine) this.confirmed = undefined;
    });
    this.confirmed = mine;
  }

  receive(message: Msg): void {
    this.interest.receive(this, message);
  }
}

/** Hears about an Interest, apart from its messages. */
export interface InterestListener {
  /** The number of its topics changed. */
  counted(size: number): void;
  /** A message could not be handled. Called inside the reader of the NATS client, so it must not throw. */
  failed(error: Error): void;
}

/**
 * Owns the topics for which this node has subscriptions on the bus, for one kind of subject. Knows nothing of the
 * messages.
 * Invariant: a wanted topic has exactly one subscription on the current connection. An unwanted topic has none after
 * LINGER_MS or a little more. A topic takes less than 500 bytes, besides its text.
 */
export class Interest {
  readonly #topics = new Map<string, Wanted>();
  /** Topics that nobody wants any more. */
  readonly #lingering = new ExpiryList<Wanted>();
  readonly #sweep = new Sweep(() => this.#giveUp(), SWEEP_MS);
  /** Fulfilled when all topics are on the bus again, after a new connection. */
  #again: Promise<void> | undefined;

  constructor(
    private readonly subjects: Subjects,
    private readonly subscriptions: BareSubscriptions,
    private readonly clock: Clock,
    private readonly take: (wanted: Wanted, message: Msg) => void,
    private readonly listener: InterestListener,
  ) {
    this.#sweep.start();
  }

  /**
   * Wants a topic. Returns it, and whether it is new. Without a connection, the subscription follows once there is one.
   */
  want(topic: string): { readonly wanted: Wanted; readonly news: boolean } {
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      known.list?.remove(known);
      return { wanted: known, news: false };
    }
    const wanted = new Wanted(topic, this, this.subscriptions);
    this.#topics.set(topic, wanted);
    this.listener.counted(this.#topics.size);
    this.#subscribe(wanted);
    return { wanted, news: true };
  }

  unwant(topic: string): void {
    const known = this.#topics.get(topic);
    if (known === undefined || known.list !== undefined) return;
    known.until = this.clock.monotonic() + LINGER_MS;
    this.#lingering.append(known);
  }

  /** Fulfilled when messages of a wanted topic are sure to arrive; undefined when they are, or that is not known. */
  confirmed(wanted: Wanted): Promise<void> | undefined {
    const { confirmed } = wanted;
    if (this.#again === undefined || confirmed === undefined) return this.#again ?? confirmed;
    // The topic may be newer than what was last sent again.
    return Promise.all([this.#again, confirmed]).then(() => undefined);
  }

  /**
   * As `subscribeAgain`, on a new connection: until that is over, everybody waits for it who waits for a topic. Calls
   * `sent` behind the last subscription.
   */
  joined(confirm: () => Promise<void>, goOn: () => boolean, sent: () => void): Promise<void> {
    const again = this.subscribeAgain(confirm, goOn, sent).then(() => {
      if (this.#again === again) this.#again = undefined;
    });
    this.#again = again;
    return again;
  }

  /**
   * Subscribes to all topics anew, some at a time. `confirm` is fulfilled when NATS has all that was sent. Goes on
   * while `goOn` says so; returns whether it went through.
   */
  async subscribeAgain(confirm: () => Promise<void>, goOn: () => boolean, last?: () => void): Promise<boolean> {
    let sent = 0;
    for (const wanted of this.#topics.values()) {
      this.#subscribe(wanted);
      sent += 1;
      // The first one alone: NATS may refuse them all.
      if (sent % SENT_TOGETHER !== 1) continue;
      // oxlint-disable-next-line no-await-in-loop -- so that NATS can answer between
      await confirm();
      if (!goOn()) return false;
    }
    last?.();
    await confirm();
    return goOn();
  }

  stop(): void {
    this.#sweep.stop();
  }

  /** Takes a message for a topic. */
  receive(wanted: Wanted, message: Msg): void {
    try {
      this.take(wanted, message);
    } catch (failure) {
      this.listener.failed(failure as Error);
    }
  }

  #subscribe(wanted: Wanted): void {
    wanted.alone = false;
    this.subscriptions.subscribe(wanted.id, this.subjects.of(wanted.topic));
  }

  /** Ends the subscriptions that nobody came back for. Returns false, as all of them are done. */
  #giveUp(): false {
    const now = this.clock.monotonic();
    for (let first = this.#lingering.first; first !== undefined && first.until <= now; first = this.#lingering.first) {
      this.#lingering.remove(first);
      this.subscriptions.remove(first.id);
      this.#topics.delete(first.topic);
      this.listener.counted(this.#topics.size);
    }
    return false;
  }
}
