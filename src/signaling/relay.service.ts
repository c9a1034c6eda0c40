import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import type { Connection } from '../connection/connection.js';
import type { CanonicalRelay } from '../connection/message-handler.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import { Presence } from '../presence/presence.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { chargeOfSending } from '../protocol/charges.js';
import type { MemberId } from '../protocol/member.js';
import { encodePublication } from '../protocol/message.js';
import { relayFrame, ROOM_OF_RELAY } from '../protocol/response.js';
import { binaryFrame, isLarge } from '../protocol/websocket-frame.js';
import { Answers } from './answers.js';
import type { HandedOn } from './answers.js';
import { MembersElsewhere } from './elsewhere/members-elsewhere.js';
import { Permissions } from './permissions.js';

/** Most topics have two subscribers, one of which is the sender. */
const PAIR = 2;

/**
 * The rules of the relay (docs/protocol.md, R1, R2, N1, V6-V8): who receives what, from CBOR peers and, bridged, from
 * JSON peers (J6). Owns nothing: who subscribes to what is in the TopicRegistry, and who is a member in Presence. Knows
 * nothing of sockets. Of encodings it only knows that messages are canonical. Never looks into a payload.
 * Invariant: a message goes once to every other subscriber of its topic, or to the one member that it is for, and never
 * back to its sender. It is at most two frames, however many get it.
 */
@Injectable()
export class RelayService implements OnModuleInit {
  constructor(
    private readonly topics: TopicRegistry,
    private readonly presence: Presence,
    private readonly elsewhere: MembersElsewhere,
    private readonly permissions: Permissions,
    private readonly backplane: Backplane,
    private readonly answers: Answers,
    private readonly traffic: TrafficCounts,
  ) {}

  onModuleInit(): void {
    this.backplane.listen((topic, message, from) => this.deliver(topic, message, from));
    this.elsewhere.onAddressed((topic, to, message, from) => this.#deliverTo(topic, to, message, from));
  }

  /**
   * R1, R2: passes on the canonical encoding (R4) of a Relay, which is only lent. The sender need not be subscribed. P1:
   * dropped if the sender may not.
   */
  relay(sender: Connection, relay: CanonicalRelay): void {
    const allowed = this.permissions.allows(sender, 'relay', relay.topic);
    if (allowed === true) {
      this.#handOn(sender, relay);
      return;
    }
    const kept = allowed instanceof Promise ? { ...relay, bytes: Buffer.from(relay.bytes) } : relay;
    this.permissions.whenAllowed(
      sender,
      allowed,
      () => this.#handOn(sender, kept),
      () => this.answers.forbidden(sender, relay),
    );
  }

  /**
   * R1, N1: passes on the canonical encoding of a Relay of a sender that may. Returns the number of subscribers of this
   * node that it was sent to. L1: the sender pays for every delivery.
   */
  pass(sender: Connection, topic: string, message: Uint8Array): number {
    return this.#passOn(sender, topic, message, this.#memberOf(topic, sender));
  }

  #passOn(sender: Connection, topic: string, message: Uint8Array, from: MemberId | undefined): number {
    const deliveries = this.#send(topic, message, sender, from);
    if (deliveries === 0) this.traffic.unheard += 1;
    this.backplane.publish(topic, message, from);
    sender.charge(chargeOfSending(message.length, deliveries + (this.backplane.connected ? 1 : 0)));
    return deliveries;
  }

  /** N1: passes a message from another node to every subscriber of this one. */
  deliver(topic: string, message: Uint8Array, from?: MemberId): void {
    this.#send(topic, message, undefined, from);
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

  #handOn(sender: Connection, relay: CanonicalRelay): void {
    const { topic, bytes, to } = relay;
    const from = this.#memberOf(topic, sender);
    const handedOn =
      to === undefined ? this.#passOn(sender, topic, bytes, from) : this.#address(sender, topic, bytes, to, from);
    if (relay.id === undefined) return;
    // A sender that is no member is not told to how many.
    this.answers.done(sender, relay, from === undefined ? {} : this.#outcome(relay, handedOn));
  }

  /**
   * V8: passes a message on to one member, on whatever node. Returns to how many members of this node, or known to be of
   * another one, it went: one or none.
   */
  #address(sender: Connection, topic: string, message: Uint8Array, to: MemberId, from: MemberId | undefined): number {
    sender.charge(chargeOfSending(message.length, 1));
    // R1: never back to its sender.
    if (to === from) return 0;
    if (this.#deliverTo(topic, to, message, from)) return 1;
    return this.elsewhere.address(topic, to, message, from) ? 1 : 0;
  }

  /** V6. What went to members of other nodes is taken from the table of members, which costs no round trip. */
  #outcome({ topic, to }: CanonicalRelay, handedOn: number): HandedOn {
    const partial = this.elsewhere.isPartial(topic);
    return { to: handedOn + (partial || to !== undefined ? 0 : this.presence.elsewhere(topic)), partial };
  }

  /** Undefined for a connection that is no member, and for everybody on a topic without peers that look. */
  #memberOf(topic: string, connection: Connection): MemberId | undefined {
    return this.presence.size > 0 ? this.presence.memberOf(topic, connection) : undefined;
  }

  /** Returns whether the member is of this node, and was sent the message. */
  #deliverTo(topic: string, to: MemberId, message: Uint8Array, from: MemberId | undefined): boolean {
    const member = this.presence.connectionOf(topic, to);
    if (member?.open !== true) return false;
    const told = member.v2;
    if (isLarge(message)) sendLarge(member, message, told, from, true);
    else member.send(told ? relayFrame(message, from, true) : binaryFrame(message));
    this.traffic.deliveries += 1;
    return true;
  }

  /**
   * Sends a message to every subscriber on this node except the sender, in a frame for those of v1, and in another one
   * for those that are told who it is from (V7). Returns the number of deliveries.
   */
  #send(topic: string, message: Uint8Array, sender: Connection | undefined, from: MemberId | undefined): number {
    let frame: Buffer | undefined;
    let signed: Buffer | undefined;
    let deliveries = 0;
    const subscribers = this.topics.subscribers(topic);
    const alone = subscribers.size <= PAIR && isLarge(message);
    for (const subscriber of subscribers) {
      if (subscriber === sender || !subscriber.open) continue;
      const told = from !== undefined && subscriber.v2;
      if (alone) sendLarge(subscriber, message, told, from);
      else if (!told) subscriber.send((frame ??= binaryFrame(message)));
      else subscriber.send((signed ??= relayFrame(message, from)));
      deliveries += 1;
    }
    this.traffic.deliveries += deliveries;
    return deliveries;
  }
}

/** Sends a large message in a frame of its own. `told` is for a peer that hears who it is from (V7, V8). */
function sendLarge(peer: Connection, message: Uint8Array, told: boolean, from?: MemberId, to = false): void {
  peer.sendLarge(message.length + ROOM_OF_RELAY, (memory) =>
    told ? relayFrame(message, from, to, memory) : binaryFrame(message, 0, memory),
  );
}
