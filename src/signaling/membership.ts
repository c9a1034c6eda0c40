import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import type { Connection } from '../connection/connection.js';
import { Presence } from '../presence/presence.js';
import type { Told } from '../presence/telling.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { chargeOfSending } from '../protocol/charges.js';
import { dataTooLarge, noRoomForMembers, LOOKING_ENDED, PERMISSION_ENDED } from '../protocol/error-codes.js';
import type { RequestFault } from '../protocol/error-codes.js';
import type { SubscribeRequest } from '../protocol/request.js';
import { members } from '../protocol/response.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import { Answers } from './answers.js';
import { Leases } from './leases.js';
import { MembersElsewhere } from './elsewhere/members-elsewhere.js';

/**
 * Subscribers as members of their topics (docs/protocol.md, V3-V5): makes them members, with their data, and sends those
 * who look what Presence has to tell. Owns nothing. Does not know who may subscribe, nor the limits on that.
 * Invariant: a subscriber of cairn-signal.v2 is a member of the topic, and so is everybody else who subscribes to it.
 */
@Injectable()
export class Membership implements OnModuleInit {
  constructor(
    private readonly presence: Presence,
    private readonly elsewhere: MembersElsewhere,
    private readonly topics: TopicRegistry,
    private readonly leases: Leases,
    private readonly answers: Answers,
    private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.presence.listener = {
      tell: (topic, lookers, told) => {
        const frame = this.#frameOf(topic, told);
        for (const looker of lookers) looker.send(frame);
      },
    };
    this.leases.onEnd('presence', (connection, topic) => {
      this.presence.stopLooking(topic, connection);
      this.answers.failed(connection, { topic }, LOOKING_ENDED);
    });
  }

  /** Returns why the data of a member cannot be taken; undefined if it can. */
  breach({ data }: SubscribeRequest): RequestFault | undefined {
    if (data === undefined) return undefined;
    const { presenceDataBytes, presenceTotalBytes } = this.settings;
    if (data.length > presenceDataBytes) return dataTooLarge(presenceDataBytes);
    return this.presence.hasRoomFor(data.length) ? undefined : noRoomForMembers(presenceTotalBytes);
  }

  /**
   * A connection subscribes, again or for the first time, and becomes a member. V4: one that looks is told everybody who
   * is there, and then it is answered, once its subscription is `sure`. Returns a promise to wait for until it is;
   * undefined if there is nothing to wait for.
   */
  entered(
    connection: Connection,
    request: SubscribeRequest,
    sure: Promise<void> | undefined,
  ): Promise<void> | undefined {
    const { topic, data, presence: looks } = request;
    const isMember = this.presence.memberOf(topic, connection) !== undefined;
    if (!isMember) this.presence.join(topic, connection, this.topics.subscribers(topic), data);
    else if (data !== undefined) this.presence.update(topic, connection, data);
    if (data !== undefined || !isMember) this.#chargeForTelling(connection, topic, data);
    if (looks === true) this.leases.begin(connection, 'presence', topic);
    else if (looks === false) this.#stopTelling(connection, topic);
    const known = looks === true ? this.elsewhere.known(topic) : undefined;
    const ready = known === undefined ? sure : Promise.all([sure, known]);
    return this.answers.inOrder(connection, ready, () => {
      // It may have been taken out of the topic while it waited.
      if (!this.topics.subscribers(topic).has(connection)) {
        if (request.id !== undefined) this.answers.failed(connection, request, PERMISSION_ENDED);
        return;
      }
      if (looks === true) this.#tellEverything(connection, topic);
      this.answers.done(connection, request, { partial: this.elsewhere.isPartial(topic) });
    });
  }

  /** A subscriber that is not told of members has come. */
  came(topic: string, connection: Connection): void {
    if (this.presence.size > 0) this.presence.came(topic, connection);
  }

  /** N15: the subscription of one that has come is `confirmed`: other nodes may want to know. */
  subscribed(topic: string, confirmed: Promise<void> | undefined): void {
    if (this.topics.subscribers(topic).size === 1) this.elsewhere.subscribed(topic, confirmed);
  }

  left(topic: string, connection: Connection): void {
    if (this.presence.size > 0) this.presence.left(topic, connection);
  }

  #stopTelling(connection: Connection, topic: string): void {
    this.presence.stopLooking(topic, connection);
    this.leases.end(connection, 'presence', topic);
  }

  #tellEverything(connection: Connection, topic: string): void {
    const told = this.presence.look(topic, connection);
    if (told === undefined) return;
    const frame = this.#frameOf(topic, told);
    connection.send(frame);
    connection.charge(chargeOfSending(frame.length, 1));
  }

  /** L1: a member pays for what others are told of it, as for a relay to them. */
  #chargeForTelling(connection: Connection, topic: string, data: Uint8Array | undefined): void {
    const lookers = Math.min(this.topics.subscribers(topic).size, this.settings.presenceMembers);
    connection.charge(chargeOfSending(data?.length ?? 0, lookers));
  }

  #frameOf(topic: string, told: Told): Buffer {
    return binaryFrame(members(topic, told));
  }
}
