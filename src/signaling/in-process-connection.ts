import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Connection } from '../connection/connection.js';
import { HeldBytes } from '../metrics/held-bytes.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import { CloseCode, nodeOverloaded, slowConsumer } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { readMessage } from '../protocol/strict-reader.js';
import { messageIn } from '../protocol/websocket-frame.js';
import { PendingPayloads, SignalingError } from './subscription.js';
import type { SubscriptionOwner } from './subscription.js';

/** Hears what becomes of the application's subscriptions. */
export interface ApplicationListener {
  /** No subscription to the topic is left. */
  vacated(topic: string): void;
  /** A subscription has ended because of a limit. */
  refused(reason: CloseReason): void;
}

/**
 * The application in this process, as a connection without a socket: whatever parts it has, it is one peer. Owns the
 * application's subscriptions, by topic, and the count of the bytes that wait for their readers. Does not know who may
 * subscribe, nor the bus. It is not in the ConnectionRegistry: it takes no place, and a drain does not wait for it.
 * Invariant: what waits is never more than max-buffered-bytes after `send`; where that is off,
 * max-buffered-total-bytes. The subscription that most waits for ends first.
 */
@Injectable()
export class InProcessConnection extends Connection implements SubscriptionOwner {
  /** WebSockets have ids from 1. */
  readonly id = 0;
  readonly principal = undefined;
  readonly address = undefined;
  readonly protocol = undefined;
  readonly source = 'the application';
  readonly credential = undefined;
  listener: ApplicationListener | undefined;
  readonly #subscriptions = new Map<string, Set<PendingPayloads>>();
  readonly #tooSlow: CloseReason;
  /** Maximum number of bytes that wait; 0 for no limit. */
  readonly #most: number;
  #waiting = 0;
  #open = true;

  constructor(
    { maxBufferedBytes, maxBufferedTotalBytes }: Settings,
    private readonly held: HeldBytes,
    private readonly counts: LimitCounts,
    private readonly traffic: TrafficCounts,
  ) {
    super();
    this.#most = maxBufferedBytes === 0 ? maxBufferedTotalBytes : maxBufferedBytes;
    this.#tooSlow = maxBufferedBytes === 0 ? nodeOverloaded(maxBufferedTotalBytes) : slowConsumer(maxBufferedBytes);
  }

  get open(): boolean {
    return this.#open;
  }

  get dismissed(): boolean {
    return !this.#open;
  }

  /** Adds a subscription. Returns whether it is the first one to its topic. */
  add(subscription: PendingPayloads): boolean {
    const { topic } = subscription;
    const present = this.#subscriptions.get(topic);
    if (present === undefined) this.#subscriptions.set(topic, new Set([subscription]));
    else present.add(subscription);
    return present === undefined;
  }

  /** Gives each subscription to the topic of a Relay a payload of its own, since readers may keep and change it. */
  send(frame: Buffer): boolean {
    if (!this.#open) return false;
    const message = readMessage(messageIn(frame));
    const subscriptions = message?.kind === 'Relay' ? this.#subscriptions.get(message.topic) : undefined;
    if (message?.kind !== 'Relay' || subscriptions === undefined) return true;
    this.traffic.application.in += 1;
    for (const subscription of subscriptions) subscription.push(copyOf(message.payload));
    while (this.#most > 0 && this.#waiting > this.#most) this.#endLargest();
    return true;
  }

  waits(bytes: number): void {
    this.#waiting += bytes;
    this.held.buffered.total += bytes;
  }

  left(subscription: PendingPayloads): void {
    const { topic } = subscription;
    const present = this.#subscriptions.get(topic);
    if (present?.delete(subscription) !== true || present.size > 0) return;
    this.#subscriptions.delete(topic);
    this.listener?.vacated(topic);
  }

  /** Ends a subscription because of a limit. */
  refuse(subscription: PendingPayloads, reason: CloseReason): void {
    if (reason.limit !== undefined) this.counts.reached(reason.limit);
    this.listener?.refused(reason);
    subscription.end(new SignalingError(reason));
  }

  /** The application is trusted, and has no rate. */
  charge(): void {
    // Nothing is counted.
  }

  /** What the application says is done at once: it waits by itself for what it asked for. */
  hold(): void {
    // Nothing waits behind it.
  }

  /** Ends every subscription: what waits may still be read after a drain, and not after a fault. */
  close(reason: CloseReason): void {
    this.#open = false;
    const error = reason.code === CloseCode.goingAway ? undefined : new SignalingError(reason);
    for (const subscription of [...this.#subscriptions.values()].flatMap((all) => [...all])) subscription.end(error);
  }

  terminate(): void {
    this.close({ code: CloseCode.goingAway, text: 'the server has ended' });
  }

  #endLargest(): void {
    let largest: PendingPayloads | undefined;
    for (const subscriptions of this.#subscriptions.values()) {
      for (const subscription of subscriptions) {
        if (largest === undefined || subscription.bytes > largest.bytes) largest = subscription;
      }
    }
    this.refuse(largest!, this.#tooSlow);
  }
}

/** A copy in memory of its own: a slice would keep the frames of others in memory. */
function copyOf(payload: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(payload.length);
  copy.set(payload);
  return copy;
}
