import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect, OnGatewayInit } from '@nestjs/websockets';
import { BearerGuard } from '../auth/bearer.guard.js';
import { OriginGuard } from '../auth/origin.guard.js';
import { Log, Logs } from '../logging/log.js';
import type { Connection, ConnectionSource, MessageHandler } from '../presence/connection.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { canonicalRelayTopic } from '../protocol/canonical-relay.js';
import { internalError } from '../protocol/close-codes.js';
import { encodeMessage } from '../protocol/message.js';
import { parseRendezvousMessage } from '../protocol/rendezvous-message.js';
import { readMessage } from '../protocol/strict-reader.js';
import { Relay } from './relay.js';
import { Rendezvous } from './rendezvous.js';

/**
 * Translates between the wire and the domain: frames in, calls of Relay out. Holds no rule and no state of its own.
 * Its guards run at the HTTP upgrade, before there is a WebSocket. Messages reach it directly and in order rather than
 * through @SubscribeMessage, whose rxjs pipeline lets one message overtake another (docs/adr/0002).
 */
@UseGuards(OriginGuard, BearerGuard)
@WebSocketGateway()
export class SignalingGateway
  implements OnGatewayInit<ConnectionSource>, OnGatewayConnection<Connection>, OnGatewayDisconnect<Connection>, MessageHandler
{
  readonly #log: Log;

  constructor(
    private readonly relay: Relay,
    private readonly rendezvous: Rendezvous,
    private readonly connections: ConnectionRegistry,
    logs: Logs,
  ) {
    this.#log = logs.for('gateway');
  }

  afterInit(source: ConnectionSource): void {
    source.deliverTo(this);
  }

  handleConnection(connection: Connection): void {
    this.connections.add(connection);
  }

  handleDisconnect(connection: Connection): void {
    this.relay.leave(connection);
    this.rendezvous.leave(connection);
    this.connections.remove(connection);
  }

  binaryMessage(connection: Connection, message: Buffer): void {
    try {
      const topic = canonicalRelayTopic(message);
      if (topic === undefined) this.#strictly(connection, message);
      else this.relay.relay(connection, topic, message);
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  /** J7: what is not JSON or of no known type is ignored, as the reference does. */
  textMessage(connection: Connection, text: Buffer): void {
    try {
      const message = parseRendezvousMessage(text.toString());
      if (message !== undefined) this.rendezvous.handle(connection, message);
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  /** R6: what is none of the three messages is dropped without an answer. */
  #strictly(connection: Connection, frame: Buffer): void {
    const message = readMessage(frame);
    switch (message?.kind) {
      case 'Subscribe':
        return this.relay.subscribe(connection, message.topic);
      case 'Unsubscribe':
        return this.relay.unsubscribe(connection, message.topic);
      case 'Relay':
        return this.relay.relay(connection, message.topic, encodeMessage(message));
      case undefined:
        return undefined;
    }
  }

  #fail(connection: Connection, error: unknown): void {
    this.#log.error('a message could not be handled', { connection: connection.id, error: (error as Error).stack });
    connection.close(internalError);
  }
}
