import type { IncomingMessage } from 'node:http';
import { UseGuards } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect, OnGatewayInit } from '@nestjs/websockets';
import { BearerGuard } from '../auth/bearer.guard.js';
import { ClientCertificateGuard } from '../auth/client-certificate.guard.js';
import { CustomGuards } from '../auth/custom-guards.js';
import { OriginGuard } from '../auth/origin.guard.js';
import { Clock } from '../clock/clock.js';
import { Log, Logs } from '../logging/log.js';
import { Timings } from '../metrics/timings.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import type { Connection } from '../connection/connection.js';
import type { ConnectionSource, MessageHandler } from '../connection/message-handler.js';
import type { Refusal } from '../connection/refusal.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { canonicalRelayTopic } from '../protocol/canonical-relay.js';
import { internalError } from '../protocol/close-codes.js';
import { encodeMessage } from '../protocol/message.js';
import type { Relay as RelayMessage } from '../protocol/message.js';
import type { Malformed, RendezvousMessage } from '../protocol/rendezvous-message.js';
import { parseRendezvousMessage } from '../protocol/rendezvous-message.js';
import { readMessage } from '../protocol/strict-reader.js';
import { chargeOfReading, chargeOfText } from './charges.js';
import { Expiry } from './expiry.js';
import { Permissions } from './permissions.js';
import { Relay } from './relay.js';
import { Rendezvous } from './rendezvous.js';

/** Of so many messages one is measured. */
const TIMED_OF = 128;

/**
 * Translates between the wire and the domain: frames in; calls of Relay and Rendezvous out, as far as Permissions let them. Holds no rule of
 * its own, and nothing about peers.
 * Its guards run at the HTTP upgrade, before there is a WebSocket. Messages reach it directly and in order rather than
 * through @SubscribeMessage, whose rxjs pipeline lets one message overtake another (docs/adr/0002).
 */
@UseGuards(OriginGuard, ClientCertificateGuard, BearerGuard, CustomGuards)
@WebSocketGateway()
export class SignalingGateway
  implements
    OnGatewayInit<ConnectionSource>,
    OnGatewayConnection<Connection>,
    OnGatewayDisconnect<Connection>,
    MessageHandler
{
  readonly #log: Log;
  /** Messages until the next one whose handling is measured. */
  #untimed = TIMED_OF;
  /** Not a private name: where the policy has request scope, Nest calls afterInit on an object that was never constructed, and then is told. */
  private source: ConnectionSource | undefined;

  constructor(
    private readonly relay: Relay,
    private readonly rendezvous: Rendezvous,
    private readonly permissions: Permissions,
    private readonly connections: ConnectionRegistry,
    private readonly expiry: Expiry,
    private readonly traffic: TrafficCounts,
    private readonly timings: Timings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('gateway');
  }

  afterInit(source: ConnectionSource): void {
    this.source = source;
    source.deliverTo(this);
  }

  /** How a handshake with the headers of this plain request would be refused, by guards and limits alike; undefined where it would be let in. */
  rehearse(request: IncomingMessage): Promise<Refusal | undefined> {
    return this.source!.rehearse(request);
  }

  handleConnection(connection: Connection): void {
    this.connections.add(connection);
    this.expiry.add(connection);
  }

  handleDisconnect(connection: Connection): void {
    this.relay.leave(connection);
    this.rendezvous.leave(connection);
    this.expiry.remove(connection);
    this.connections.remove(connection);
  }

  binaryMessage(connection: Connection, message: Buffer): void {
    try {
      if (--this.#untimed === 0) this.#timed(connection, message);
      else this.#binary(connection, message);
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  /** J7: what is not JSON or of no known type is ignored, as the reference does. */
  textMessage(connection: Connection, text: Buffer): void {
    try {
      connection.charge(chargeOfText(text.length));
      const message = parseRendezvousMessage(text);
      if (message === undefined) this.traffic.dropped.unknown_text += 1;
      else this.#text(connection, message);
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  #binary(connection: Connection, message: Buffer): void {
    const topic = canonicalRelayTopic(message);
    if (topic === undefined) return this.#strictly(connection, message);
    this.traffic.received.relay += 1;
    const allowed = this.permissions.allows(connection, 'relay', topic);
    if (allowed === true) return this.relay.relay(connection, topic, message);
    if (allowed === false) return this.#forbid();
    // The message is only lent.
    const kept = Buffer.from(message);
    return this.#once(allowed, connection, () => this.relay.relay(connection, topic, kept));
  }

  /** P1: what is not allowed is dropped without an answer. What has to wait for that is done in its turn, if what the connection says still counts. */
  #once(allowed: boolean | Promise<boolean>, connection: Connection, act: () => void): void {
    if (allowed === true) return act();
    if (allowed === false) return this.#forbid();
    return connection.hold(
      allowed.then((yes) => {
        try {
          if (!yes || this.connections.heeds(connection)) this.#once(yes, connection, act);
        } catch (error) {
          this.#fail(connection, error);
        }
      }),
    );
  }

  #forbid(): void {
    this.traffic.dropped.forbidden += 1;
  }

  /** Measures one message of many: reading the clock for each would cost as much as finding its topic. */
  #timed(connection: Connection, message: Buffer): void {
    this.#untimed = TIMED_OF;
    const relays = this.traffic.received.relay;
    const began = this.clock.monotonic();
    this.#binary(connection, message);
    if (this.traffic.received.relay > relays) this.timings.relayed(this.clock.monotonic() - began);
  }

  #text(connection: Connection, message: RendezvousMessage | Malformed): void {
    if (message.type !== 'malformed') this.traffic.received[message.type] += 1;
    const answered = this.rendezvous.handle(connection, message);
    // N6: answers keep the order of what they answer.
    if (answered !== undefined) connection.hold(answered.catch((error: unknown) => this.#fail(connection, error)));
  }

  /** R6: what is none of the three messages is dropped without an answer. Read or not, it is paid for. */
  #strictly(connection: Connection, frame: Buffer): void {
    const message = readMessage(frame);
    connection.charge(chargeOfReading(frame.length));
    switch (message?.kind) {
      case 'Subscribe':
        this.traffic.received.subscribe += 1;
        return this.#once(this.permissions.allows(connection, 'subscribe', message.topic), connection, () =>
          this.relay.subscribe(connection, message.topic),
        );
      case 'Unsubscribe':
        this.traffic.received.unsubscribe += 1;
        return this.relay.unsubscribe(connection, message.topic);
      case 'Relay':
        this.traffic.received.relay += 1;
        return this.#relay(connection, message);
      case undefined:
        this.traffic.dropped.undecodable += 1;
        return undefined;
    }
  }

  /** Encoded before anything is waited for: its payload is a view into the message, which is only lent. */
  #relay(connection: Connection, message: RelayMessage): void {
    const { topic } = message;
    const allowed = this.permissions.allows(connection, 'relay', topic);
    if (allowed === false) return this.#forbid();
    const canonical = encodeMessage(message);
    return this.#once(allowed, connection, () => this.relay.relay(connection, topic, canonical));
  }

  #fail(connection: Connection, error: unknown): void {
    this.#log.error('a message could not be handled', { connection: connection.id, error: (error as Error).stack });
    connection.close(internalError);
  }
}
