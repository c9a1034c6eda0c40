import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import { Sweep } from '../clock/sweep.js';
import type { Subjects } from './subjects.js';

/** How long, in milliseconds, an unwanted topic stays on the bus: peers come back, and subscriptions travel far. */
const LINGER_MS = 1000;
/** Milliseconds between two looks for topics to take off the bus. */
const SWEEP_MS = 250;

/** A topic with a subscription on the bus. */
export interface Wanted extends Expiring<Wanted> {
  readonly topic: string;
  subscription: Subscription | undefined;
  /** Fulfilled when messages are sure to arrive; undefined when they already are, or when that is not known. */
  confirmed: Promise<void> | undefined;
  /** When the subscription ends, in milliseconds on the monotonic clock. */
  until: number;
}

/** Hears about an Interest, apart from its messages. */
export interface InterestListener {
  /** The number of its topics changed. */
  counted(size: number): void;
  /** A message could not be handled. Called inside the reader of the NATS client, so it must not throw. */
  failed(error: Error): void;
}

/**
 * Owns the subscriptions that this node has on the bus, for one kind of subject. Knows nothing of the messages.
 * Invariant: a wanted topic has exactly one subscription on the current connection. An unwanted topic has none after
 * LINGER_MS or a little more.
 */
export class Interest {
  readonly #topics = new Map<string, Wanted>();
  /** Topics that nobody wants any more. */
  readonly #lingering = new ExpiryList<Wanted>();
  readonly #sweep = new Sweep(() => this.#giveUp(), SWEEP_MS);

  constructor(
    private readonly subjects: Subjects,
    private readonly clock: Clock,
    private readonly take: (topic: string, message: Msg) => void,
    private readonly listener: InterestListener,
  ) {
    this.#sweep.start();
  }

  /**
   * Wants a topic. Returns it, and whether it is new. Without a connection, the subscription follows once there is one.
   */
  want(topic: string, connection: NatsConnection | undefined): { readonly wanted: Wanted; readonly news: boolean } {
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      known.list?.remove(known);
      return { wanted: known, news: false };
    }
    const wanted: Wanted = {
      topic,
      subscription: undefined,
      confirmed: undefined,
      until: 0,
      previous: undefined,
      next: undefined,
      list: undefined,
    };
    this.#topics.set(topic, wanted);
    this.listener.counted(this.#topics.size);
    if (connection !== undefined) this.#subscribe(connection, wanted);
    return { wanted, news: true };
  }

  unwant(topic: string): void {
    const known = this.#topics.get(topic);
    if (known === undefined || known.list !== undefined) return;
    known.until = this.clock.monotonic() + LINGER_MS;
    this.#lingering.append(known);
  }

  /** Subscribes to all topics on a new connection. `confirmed` is fulfilled when NATS knows them all. */
  joined(connection: NatsConnection, confirmed: Promise<void>): void {
    for (const wanted of this.#topics.values()) {
      this.#subscribe(connection, wanted);
      confirm(wanted, confirmed);
    }
  }

  /**
   * The same connection is back, with its old subscriptions. Adds those for topics that were wanted in the meantime.
   */
  rejoined(connection: NatsConnection, confirmed: Promise<void>): void {
    for (const wanted of this.#topics.values()) {
      if (wanted.subscription === undefined) this.#subscribe(connection, wanted);
      confirm(wanted, confirmed);
    }
  }

  stop(): void {
    this.#sweep.stop();
  }

  #subscribe(connection: NatsConnection, wanted: Wanted): void {
    wanted.subscription = connection.subscribe(this.subjects.of(wanted.topic), {
      callback: (error, message) => {
        try {
          if (error === null) return this.take(wanted.topic, message);
          // NATS refused it: the link hears that too. The next connection tries again: it may have the permission.
          wanted.subscription = undefined;
          return undefined;
        } catch (failure) {
          return this.listener.failed(failure as Error);
        }
      },
    });
  }

  /** Ends the subscriptions that nobody came back for. Returns false, as all of them are done. */
  #giveUp(): false {
    const now = this.clock.monotonic();
    for (let first = this.#lingering.first; first !== undefined && first.until <= now; first = this.#lingering.first) {
      this.#lingering.remove(first);
      first.subscription?.unsubscribe();
      this.#topics.delete(first.topic);
      this.listener.counted(this.#topics.size);
    }
    return false;
  }
}

/** Makes the next subscribers of a topic wait for `confirmed`, until its messages are sure to arrive. */
export function confirm(wanted: Wanted, confirmed: Promise<void>): void {
  const mine = confirmed.then(() => {
    if (wanted.confirmed === mine) wanted.confirmed = undefined;
  });
  wanted.confirmed = mine;
}
