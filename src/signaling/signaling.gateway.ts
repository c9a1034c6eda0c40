import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect, OnGatewayInit } from '@nestjs/websockets';
import { Audit } from '../audit/audit.js';
import { BearerGuard } from '../auth/bearer.guard.js';
import { ClientCertificateGuard } from '../auth/client-certificate.guard.js';
import { CustomGuards } from '../auth/custom-guards.js';
import { OriginGuard } from '../auth/origin.guard.js';
import type { Connection } from '../connection/connection.js';
import { GATEWAY } from '../connection/message-handler.js';
import type { CanonicalRelay, ConnectionSource, MessageHandler } from '../connection/message-handler.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { UNREADABLE } from '../protocol/error-codes.js';
import type {
  IceServersRequest,
  PingRequest,
  SubscribeRequest,
  Unreadable,
  UnsubscribeRequest,
} from '../protocol/request.js';
import { pong } from '../protocol/response.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import type { Announce, Malformed, Publish, Query } from '../protocol/rendezvous-message.js';
import { Answers } from './answers.js';
import { Expiry } from './expiry.js';
import { IceRequests } from './ice-requests.js';
import { Leases } from './leases.js';
import { RelayService } from './relay.service.js';
import { RendezvousService } from './rendezvous.service.js';
import { Subscriptions } from './subscriptions.js';
import { Welcome } from './welcome.js';

/**
 * The protocol's table of contents: who may connect (its guards, which run at the HTTP upgrade), and what happens to
 * each message. Owns nothing, and holds no rule of the wire. The adapter decodes messages, and calls these methods
 * directly and in order. It does not use @SubscribeMessage, whose rxjs pipeline lets one message overtake another
 * (docs/adr/0002).
 */
@UseGuards(OriginGuard, ClientCertificateGuard, BearerGuard, CustomGuards)
@WebSocketGateway({ path: GATEWAY })
export class SignalingGateway
  implements
    OnGatewayInit<Partial<ConnectionSource>>,
    OnGatewayConnection<Connection>,
    OnGatewayDisconnect<Connection>,
    MessageHandler
{
  constructor(
    private readonly welcome: Welcome,
    private readonly subscriptions: Subscriptions,
    private readonly relays: RelayService,
    private readonly rendezvous: RendezvousService,
    private readonly answers: Answers,
    private readonly connections: ConnectionRegistry,
    private readonly expiry: Expiry,
    private readonly leases: Leases,
    private readonly topics: TopicRegistry,
    private readonly audit: Audit,
    private readonly ice: IceRequests,
  ) {}

  /** The server of another adapter delivers nothing: CairnSignalModule stops the start. */
  afterInit(source: Partial<ConnectionSource>): void {
    source.deliverTo?.(this);
  }

  handleConnection(connection: Connection): void {
    this.connections.add(connection);
    this.expiry.add(connection);
    if (connection.v2) this.welcome.send(connection);
  }

  handleDisconnect(connection: Connection): void {
    this.audit.disconnected(connection, this.topics.countOf(connection));
    this.subscriptions.disconnect(connection);
    this.rendezvous.disconnect(connection);
    this.expiry.remove(connection);
    this.leases.leave(connection);
    this.connections.remove(connection);
  }

  subscribe(connection: Connection, message: SubscribeRequest): void {
    this.subscriptions.subscribe(connection, message);
  }

  unsubscribe(connection: Connection, message: UnsubscribeRequest): void {
    this.subscriptions.unsubscribe(connection, message.topic);
    this.answers.done(connection, message);
  }

  relay(connection: Connection, message: CanonicalRelay): void {
    this.relays.relay(connection, message);
  }

  /** V11 */
  iceServers(connection: Connection, message: IceServersRequest): void {
    this.ice.answer(connection, message);
  }

  /** V9 */
  ping(connection: Connection, { id }: PingRequest): void {
    connection.send(binaryFrame(pong(id)));
  }

  unreadable(connection: Connection, message: Unreadable): void {
    this.answers.failedInOrder(connection, message, UNREADABLE[message.code]);
  }

  publish(connection: Connection, message: Publish): void {
    this.rendezvous.publish(connection, message);
  }

  announce(connection: Connection, message: Announce): void {
    this.rendezvous.announce(connection, message);
  }

  query(connection: Connection, message: Query): void {
    this.rendezvous.query(connection, message);
  }

  malformed(connection: Connection, message: Malformed): void {
    this.rendezvous.malformed(connection, message);
  }
}
