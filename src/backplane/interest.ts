import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import { Sweep } from '../clock/sweep.js';
import type { Subjects } from './subjects.js';

/** How long a topic stays on the bus after nobody wants it: peers come back, and subscriptions travel far. */
const LINGER_MS = 1000;
const SWEPT_MS = 250;

/** A topic on the bus. */
export interface Wanted extends Expiring<Wanted> {
  readonly topic: string;
  subscription: Subscription | undefined;
  /** Fulfilled when messages are sure to come; undefined when they are, or nobody can tell. */
  confirmed: Promise<void> | undefined;
  /** When it is given up. */
  until: number;
}

/** What an interest tells, besides what comes. */
export interface InterestListener {
  /** How many topics it has now. */
  counted(size: number): void;
  /** NATS does not let this node have a topic, or what came could not be handled. Called inside NATS's reader, which must not see an error. */
  failed(error: Error): void;
}

/**
 * Topics that this node has subscriptions for on the bus, of one kind. Knows nothing of what comes.
 * Invariant: a topic that is wanted has one subscription on the connection there is; one that is not has none a moment later.
 */
export class Interest {
  readonly #topics = new Map<string, Wanted>();
  /** Those that nobody wants any more. */
  readonly #lingering = new ExpiryList<Wanted>();
  readonly #sweep = new Sweep(() => this.#giveUp(), SWEPT_MS);

  constructor(
    private readonly subjects: Subjects,
    private readonly clock: Clock,
    private readonly take: (topic: string, message: Msg) => void,
    private readonly listener: InterestListener,
  ) {
    this.#sweep.start();
  }

  /** The topic, and whether that is news. Without a connection it is subscribed to once there is one. */
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

  /** A connection that knows of no topic. `confirmed` is fulfilled when it knows them all. */
  joined(connection: NatsConnection, confirmed: Promise<void>): void {
    for (const wanted of this.#topics.values()) {
      this.#subscribe(connection, wanted);
      confirm(wanted, confirmed);
    }
  }

  /** The connection of before, which subscribed again by itself: what came meanwhile has no subscription yet. */
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
          // It is subscribed to anew on the next connection, which may be allowed to.
          wanted.subscription = undefined;
          return this.listener.failed(error);
        } catch (failure) {
          return this.listener.failed(failure as Error);
        }
      },
    });
  }

  /** Takes those topics off the bus that nobody came back for. There is never more work. */
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

/** Has whoever wants the topic next wait until its messages are sure to come. */
export function confirm(wanted: Wanted, confirmed: Promise<void>): void {
  const mine = confirmed.then(() => {
    if (wanted.confirmed === mine) wanted.confirmed = undefined;
  });
  wanted.confirmed = mine;
}
