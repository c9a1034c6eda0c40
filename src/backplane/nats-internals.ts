import type { Msg, NatsConnection } from '@nats-io/transport-node';

/**
 * What this file uses of the NATS client below its API: of version 3.4.0, which package.json names exactly. The guard
 * test (test/contract/nats-internals.spec.ts) fails where a new version has something else.
 */
interface Internals {
  readonly protocol: {
    readonly transport: { readonly socket?: { destroy(): void } };
    /** Sends a line of the protocol at the end of this turn. */
    sendCommand(line: string): void;
    readonly subscriptions: {
      /** The last id that the client gave. While it is 0, no message is handled. */
      sidCounter: number;
      /** Returns who takes the messages of a subscription. Asked for each message that arrives. */
      get(id: number): Taker | undefined;
    };
  };
}

/** What the client expects of a subscription when a message arrives. */
interface Taker {
  received: number;
  readonly max: undefined;
  callback(error: Error | null, message: Msg & { readonly sid: number }): void;
}

/** Takes the messages of one subscription. Called inside the reader of the NATS client, so it must not throw. */
export interface Receiver {
  receive(message: Msg): void;
}

/** The first id of ours. The client counts its own from 1, and has a handful. */
const FIRST_ID = 1_000_000;

/**
 * Subscriptions at NATS without the client's Subscription, which takes about 2 KB: only an id and its receiver. Owns
 * the ids. Knows nothing of topics.
 * Invariant: an id belongs to one receiver for ever. Whoever subscribes does so again on each new connection.
 */
export class BareSubscriptions {
  readonly #receivers = new Map<number, Receiver>();
  #connection: Internals | undefined;
  #next = FIRST_ID;
  readonly #taker: Taker = {
    received: 0,
    max: undefined,
    callback: (_error, message) => this.#receivers.get(message.sid)?.receive(message),
  };

  /** Uses a connection from now on; none until there is a new one. */
  use(connection: NatsConnection | undefined): void {
    this.#connection = connection as unknown as Internals | undefined;
    if (connection === undefined) return;
    const { subscriptions } = this.#connection!.protocol;
    if (Object.hasOwn(subscriptions, 'get')) return;
    subscriptions.sidCounter ||= 1;
    const get = subscriptions.get.bind(subscriptions);
    subscriptions.get = (id) => (id < FIRST_ID ? get(id) : this.#taker);
  }

  /** Returns an id for the messages of a receiver. */
  add(receiver: Receiver): number {
    const id = this.#next;
    this.#next += 1;
    this.#receivers.set(id, receiver);
    return id;
  }

  /** Subscribes, if there is a connection. To do it twice on one connection is harmless: NATS keeps the first. */
  subscribe(id: number, subject: string): void {
    this.#connection?.protocol.sendCommand(`SUB ${subject} ${id}\r\n`);
  }

  /** Ends a subscription. What is on its way still comes, and the id may subscribe again. */
  unsubscribe(id: number): void {
    this.#connection?.protocol.sendCommand(`UNSUB ${id}\r\n`);
  }

  /** Ends a subscription, and forgets its id. */
  remove(id: number): void {
    this.#receivers.delete(id);
    this.unsubscribe(id);
  }
}

/**
 * Ends the connection at once. The client's own way first waits until everything is written, which takes for ever where
 * the other side takes nothing. The client then connects again.
 */
export function cut(connection: NatsConnection): void {
  (connection as unknown as Internals).protocol.transport.socket?.destroy();
}
