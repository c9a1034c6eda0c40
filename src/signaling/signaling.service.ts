import { EventEmitter } from 'node:events';
import { isUint8Array } from 'node:util/types';
import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import type { Connection, Proof } from '../connection/connection.js';
import { Log, Logs } from '../logging/log.js';
import { nameOf } from '../logging/name-of.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { closedOnRequest, CloseCode, messageTooBig, topicTooLong } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { encodeMessage } from '../protocol/message.js';
import { InProcessConnection } from './in-process-connection.js';
import { RelayService } from './relay.service.js';
import { PendingPayloads, SignalingError } from './subscription.js';
import type { Subscription } from './subscription.js';
import { Subscriptions } from './subscriptions.js';

/** A peer that is connected to this node, as the application sees it. Names no topic. */
export interface ConnectedPeer {
  /** Unique within this process. */
  readonly id: number;
  /** Who the peer proved to be; undefined for an anonymous peer. */
  readonly principal: string | undefined;
  /** What opened the server to it, also where a guard set the principal; undefined where nothing had to. */
  readonly proof: Pick<Proof, 'kind' | 'issuer'> | undefined;
  /** Where it is, as far as `trusted-proxies` reveals it. */
  readonly address: string | undefined;
  /** The WebSocket subprotocol that was selected: `cairn-signal`, or undefined for none. */
  readonly protocol: string | undefined;
}

/** What SignalingService emits. Listeners may be asynchronous; what they throw is logged, and hurts nobody. */
export interface SignalingEvents {
  connected: [peer: ConnectedPeer];
  disconnected: [peer: ConnectedPeer];
}

/** Takes the payloads of a subscription, one after another: the next one waits for the promise of the one before. */
export type RelayHandler = (payload: Buffer, topic: string) => unknown;

export interface SubscribeOptions {
  /** Unsubscribes when it is aborted, as `return()` does. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A subscription at once, to iterate over; and the promise of it, which is fulfilled once it is sure to receive (N2).
 */
export type PendingSubscription = Promise<Subscription> & AsyncIterable<Buffer>;

/** The application subscribed after the drain. */
const DRAINED: CloseReason = { code: CloseCode.goingAway, text: 'the server has drained' };

/** Bytes of the longest reason in a close frame (RFC 6455, section 5.5). */
const LONGEST_REASON = 123;

/**
 * Lets the application that embeds the server take part as a peer without a socket (docs/protocol.md, E1-E4): relay,
 * subscribe, see who is connected, and close connections of this node. Owns what the application is told. The rules stand
 * in Subscriptions and RelayService, and the bounds of what waits in InProcessConnection.
 * Invariant: nothing that the application's listeners and handlers throw reaches the server. The application does not
 * receive its own relays. It is trusted: no topic policy is asked, and no rate holds it back.
 */
@Injectable()
export class SignalingService extends EventEmitter<SignalingEvents> {
  readonly #log: Log<'application'>;
  readonly #faults: ThrottledLog<'application'>;
  readonly #refusals: ThrottledLog<'application'>;
  /** Topics of which other nodes' messages are not sure to arrive yet, each with what to wait for. */
  readonly #joining = new Map<string, Promise<void>>();

  constructor(
    private readonly peer: InProcessConnection,
    private readonly relays: RelayService,
    private readonly subscriptions: Subscriptions,
    private readonly registry: ConnectionRegistry,
    private readonly settings: Settings,
    private readonly traffic: TrafficCounts,
    clock: Clock,
    logs: Logs,
  ) {
    super();
    this.#log = logs.for('application');
    this.#faults = new ThrottledLog(this.#log, clock);
    this.#refusals = new ThrottledLog(this.#log, clock);
    peer.listener = {
      vacated: (topic) => this.subscriptions.unsubscribe(peer, topic),
      refused: ({ text }) => this.#refusals.write('subscription_ended', { reason: text }),
    };
    registry.watch({
      connected: (connection) => this.#tell('connected', connection),
      disconnected: (connection) => this.#tell('disconnected', connection),
    });
  }

  /**
   * E1: relays bytes to all other subscribers of a topic, on every node. Returns to how many on this node. Throws a
   * TypeError for what is not a topic or not bytes, and a SignalingError over `max-topic-bytes` or `max-message-bytes`.
   * After a drain it does nothing, and returns 0.
   */
  relay(topic: string, payload: Uint8Array): number {
    requireTopic(topic);
    if (!isUint8Array(payload)) throw new TypeError('the payload must be a Uint8Array, such as a Buffer');
    const { maxTopicBytes, maxMessageBytes } = this.settings;
    if (Buffer.byteLength(topic) > maxTopicBytes) throw new SignalingError(topicTooLong(maxTopicBytes));
    // What is far too large is not even encoded.
    const message = payload.length > maxMessageBytes ? undefined : encodeRelay(topic, payload);
    if (message === undefined || message.length > maxMessageBytes) {
      throw new SignalingError(messageTooBig(maxMessageBytes));
    }
    if (!this.peer.open) return 0;
    this.traffic.application.out += 1;
    return this.relays.pass(this.peer, topic, message);
  }

  /**
   * E2: subscribes to a topic. Throws a TypeError for what is not a topic, a handler or options. The promise is
   * fulfilled once everything that is relayed from then on arrives, from other nodes too (N2). It is rejected with a
   * SignalingError at a limit; so is the iteration.
   */
  subscribe(topic: string, options?: SubscribeOptions): PendingSubscription;
  /** The same, where `handler` takes the payloads. */
  subscribe(topic: string, handler: RelayHandler, options?: SubscribeOptions): Promise<Subscription>;
  subscribe(
    topic: string,
    given: RelayHandler | SubscribeOptions = {},
    last: SubscribeOptions = {},
  ): PendingSubscription {
    requireTopic(topic);
    const signal = signalOf(typeof given === 'function' ? last : given);
    const subscription = new PendingPayloads(topic, this.peer);
    const subscribed = this.#subscribe(subscription, signal);
    // The iteration says it too, and nothing that the application forgets to await may end the process.
    subscribed.catch(() => undefined);
    if (typeof given === 'function') void this.#read(subscription, given);
    return Object.assign(subscribed, { [Symbol.asyncIterator]: () => subscription });
  }

  /** The peers that are connected to this node now. */
  connections(): ConnectedPeer[] {
    return Array.from(this.registry, seen);
  }

  /**
   * E4: closes the connections of a principal, or the one with an id, on this node, with 4002 and a reason for people
   * of at most 123 bytes. Returns how many. Throws a TypeError for anything else, also for undefined: an anonymous peer
   * is closed by its id.
   */
  close(whom: string | number, reason = 'closed by the application'): number {
    if (typeof whom !== 'string' && typeof whom !== 'number') {
      throw new TypeError('name the principal (a string), or the id of a connection (a number)');
    }
    if (typeof reason !== 'string' || Buffer.byteLength(reason) > LONGEST_REASON) {
      throw new TypeError(`the reason must be a string of at most ${LONGEST_REASON} bytes`);
    }
    const chosen = ({ id, principal }: Connection): boolean => (typeof whom === 'string' ? principal : id) === whom;
    return this.registry.closeWhere(chosen, closedOnRequest(reason));
  }

  async #subscribe(subscription: PendingPayloads, signal: AbortSignal | undefined): Promise<Subscription> {
    const { topic } = subscription;
    if (!this.peer.open) subscription.end(new SignalingError(DRAINED));
    else if (signal?.aborted === true) subscription.end();
    else this.#join(subscription);
    const abort = (): void => void subscription.return();
    if (!subscription.over) signal?.addEventListener('abort', abort, { once: true });
    void subscription.ended.then(() => signal?.removeEventListener('abort', abort));
    await this.#joining.get(topic);
    const error = subscription.over ? await subscription.ended : undefined;
    if (error !== undefined) throw error;
    return subscription;
  }

  #join(subscription: PendingPayloads): void {
    const { topic } = subscription;
    // Before it subscribes: it may be sent something at once (J6).
    if (!this.peer.add(subscription)) return;
    const breach = this.subscriptions.breach(this.peer, topic);
    if (breach !== undefined) {
      this.peer.refuse(subscription, breach);
      return;
    }
    const sure: Promise<void> | undefined = this.subscriptions.join(this.peer, topic)?.finally(() => {
      if (this.#joining.get(topic) === sure) this.#joining.delete(topic);
    });
    if (sure !== undefined) this.#joining.set(topic, sure);
  }

  async #read(subscription: PendingPayloads, handler: RelayHandler): Promise<void> {
    try {
      for await (const payload of subscription) {
        await this.#guard('handler', () => handler(payload, subscription.topic));
      }
    } catch {
      // A limit: the promise of the subscription says it, and the log.
    }
  }

  #tell(event: keyof SignalingEvents, connection: Connection): void {
    if (this.listenerCount(event) === 0) return;
    const peer = seen(connection);
    // Not emit: what one listener throws would keep the others from hearing.
    for (const listener of this.rawListeners(event)) {
      void this.#guard(event, () => Reflect.apply(listener, this, [peer]));
    }
  }

  /**
   * Calls the application's code. Never rejects: what it throws is logged, without its text, which may hold a topic.
   */
  async #guard(what: string, call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#faults.write('application_threw', { error: nameOf(error) }, { what });
    }
  }
}

/** Throws a TypeError for what no peer could name in CBOR. */
function requireTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== 'string') throw new TypeError('the topic must be a string');
  if (topic !== Buffer.from(topic).toString()) throw new TypeError('the topic must be well-formed Unicode');
}

function signalOf(options: SubscribeOptions | null): AbortSignal | undefined {
  if (typeof options !== 'object' || options === null) throw new TypeError('pass a handler, or options, or both');
  const { signal } = options;
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== 'function') {
    throw new TypeError('the signal must be an AbortSignal');
  }
  return signal;
}

function encodeRelay(topic: string, { buffer, byteOffset, length }: Uint8Array): Buffer {
  return encodeMessage({ kind: 'Relay', topic, payload: Buffer.from(buffer, byteOffset, length) });
}

/** What an application may know of a connection. */
export function seen({ id, principal, credential, address, protocol }: Connection): ConnectedPeer {
  const proof = credential && { kind: credential.proof.kind, issuer: credential.proof.issuer };
  return { id, principal, proof, address, protocol };
}
