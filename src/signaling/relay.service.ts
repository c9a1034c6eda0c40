import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import type { Connection } from '../connection/connection.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { chargeOfSending } from '../protocol/charges.js';
import { encodePublication } from '../protocol/message.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import { Permissions } from './permissions.js';

/**
 * The rules of the relay (docs/protocol.md, R1, R2, N1): who receives what, from CBOR peers and, bridged, from JSON peers
 * (J6). Owns nothing: who subscribes to what is in the TopicRegistry. Knows nothing of sockets. Of encodings it only
 * knows that messages are canonical. Never looks into a payload.
 * Invariant: a message goes once to every other subscriber of its topic, and never back to its sender.
 */
@Injectable()
export class RelayService implements OnModuleInit {
  constructor(
    private readonly topics: TopicRegistry,
    private readonly permissions: Permissions,
    private readonly backplane: Backplane,
    private readonly traffic: TrafficCounts,
  ) {}

  onModuleInit(): void {
    this.backplane.listen((topic, message) => this.deliver(topic, message));
  }

  /**
   * R1, R2: `message` is the canonical encoding (R4) of a Relay to `topic`, and only lent. The sender need not be
   * subscribed. P1: dropped if the sender may not.
   */
  relay(sender: Connection, topic: string, message: Uint8Array): void {
    const allowed = this.permissions.allows(sender, 'relay', topic);
    if (allowed === true) {
      this.pass(sender, topic, message);
      return;
    }
    const kept = allowed instanceof Promise ? Buffer.from(message) : message;
    this.permissions.whenAllowed(sender, allowed, () => this.pass(sender, topic, kept), this.#drop);
  }

  /**
   * R1, N1: the same for a sender that may. Returns the number of subscribers of this node that it was sent to. L1: the
   * sender pays for every delivery.
   */
  pass(sender: Connection, topic: string, message: Uint8Array): number {
    const deliveries = this.#send(topic, message, sender);
    if (deliveries === 0) this.traffic.unheard += 1;
    this.backplane.publish(topic, message);
    sender.charge(chargeOfSending(message.length, deliveries + (this.backplane.connected ? 1 : 0)));
    return deliveries;
  }

  /** N1: passes a message from another node to every subscriber of this one. */
  deliver(topic: string, message: Uint8Array): void {
    this.#send(topic, message, undefined);
  }

  /**
   * J6: sends what a JSON peer published, in base64, to the topic's CBOR subscribers as a Relay. The publisher was
   * allowed to publish it.
   */
  publish(publisher: Connection, topic: string, payload: string): void {
    if (this.topics.subscribers(topic).size > 0 || this.backplane.connected) {
      this.pass(publisher, topic, encodePublication(topic, payload));
    }
  }

  /** P1: nobody is told. */
  readonly #drop = (): void => {
    this.traffic.dropped.forbidden += 1;
  };

  /**
   * Sends a message to every subscriber on this node except the sender, in one frame, which is built for the first of
   * them. Returns the number of deliveries.
   */
  #send(topic: string, message: Uint8Array, sender: Connection | undefined): number {
    let frame: Buffer | undefined;
    let deliveries = 0;
    for (const subscriber of this.topics.subscribers(topic)) {
      if (subscriber === sender || !subscriber.open) continue;
      subscriber.send((frame ??= binaryFrame(message)));
      deliveries += 1;
    }
    this.traffic.deliveries += deliveries;
    return deliveries;
  }
}
