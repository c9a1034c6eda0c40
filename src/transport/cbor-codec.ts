import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import type { Connection } from '../connection/connection.js';
import type { MessageHandler } from '../connection/message-handler.js';
import { Log, Logs } from '../logging/log.js';
import { Timings } from '../metrics/timings.js';
import type { RequestKind } from '../metrics/traffic-counts.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import { canonicalRelayRequest, canonicalRelayTopic, relayWithin } from '../protocol/canonical-relay.js';
import { CHARGE_OF_ICE_SERVERS, chargeOfReading, chargeOfText } from '../protocol/charges.js';
import { internalError } from '../protocol/close-codes.js';
import { encodeMessage } from '../protocol/message.js';
import { parseRendezvousMessage } from '../protocol/rendezvous-message.js';
import type { Request } from '../protocol/request.js';
import { readMessage, readRequest } from '../protocol/strict-reader.js';
import { pongFrame } from '../protocol/websocket-frame.js';
import type { Incoming } from './held-messages.js';

/** One binary message in this many is timed: reading the clock for each would cost as much as finding its topic. */
const TIMED_OF = 128;
/** What requests are counted as. */
const KINDS: Readonly<Record<Request['kind'], RequestKind>> = {
  Relay: 'relay',
  Subscribe: 'subscribe',
  Unsubscribe: 'unsubscribe',
  IceServers: 'ice_servers',
  Ping: 'ping',
  Pong: 'pong',
};
/** Maximum number of bytes in a message that is looked at while it waits, to see whether it is a Subscribe. */
const LONGEST_TO_PASS = 4096;

/**
 * Decodes what peers send, and passes each message to the handler's method for it. Owns the handler, and the counts of
 * what came. Knows the encodings of the wire, and none of its rules.
 * Invariant: a frame is one call of the handler, or one count of what was dropped. A fault closes the connection and
 * goes no further.
 */
@Injectable()
export class CborCodec {
  readonly #log: Log<'gateway'>;
  #handler: MessageHandler | undefined;
  /** Number of messages until the next one that is timed. */
  #untimed = TIMED_OF;

  constructor(
    private readonly traffic: TrafficCounts,
    private readonly timings: Timings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('gateway');
  }

  deliverTo(handler: MessageHandler): void {
    this.#handler = handler;
  }

  /** Takes a frame whose turn it is. `data` is only lent: it is valid until this returns. */
  deliver(connection: Connection, kind: Incoming, data: Buffer): void {
    // A peer that broke a rule is being closed. What it sends still costs it tokens, and has no effect.
    if (connection.dismissed) return;
    try {
      if (kind === 'binary') this.#binary(connection, data);
      else if (kind === 'text') this.#text(connection, data);
      else if (kind === 'ping') connection.send(pongFrame(data));
    } catch (error) {
      this.failed(connection, error);
    }
  }

  /** Whether a message that waits is a Subscribe, and not too long to be looked at before its turn. */
  mayPass(kind: Incoming, data: Buffer): boolean {
    return kind === 'binary' && data.length <= LONGEST_TO_PASS && readMessage(data)?.kind === 'Subscribe';
  }

  /** Closes a connection because of our own fault. */
  failed(connection: Connection, error: unknown): void {
    this.#log.write('message_failed', {
      connection: connection.id,
      error: error instanceof Error ? error.stack : typeof error,
    });
    connection.close(internalError);
  }

  #binary(connection: Connection, frame: Buffer): void {
    if (--this.#untimed > 0) this.#decode(connection, frame);
    else this.#timed(connection, frame);
  }

  #timed(connection: Connection, frame: Buffer): void {
    this.#untimed = TIMED_OF;
    const relays = this.traffic.received.relay;
    const began = this.clock.monotonic();
    this.#decode(connection, frame);
    if (this.traffic.received.relay === relays) return;
    this.timings.relayed(this.clock.monotonic() - began);
    // By then WriteBatch has written, at the end of this read or this turn.
    setImmediate(() => this.timings.wrote(this.clock.monotonic() - began));
  }

  /**
   * Recognises a canonical Relay without decoding it, and passes its bytes on. The strict reader decodes everything
   * else.
   */
  #decode(connection: Connection, frame: Buffer): void {
    const topic = canonicalRelayTopic(frame);
    if (topic === undefined) return connection.v2 ? this.#request(connection, frame) : this.#read(connection, frame);
    if (connection.v2) this.traffic.requests.relay += 1;
    this.traffic.received.relay += 1;
    return this.#handler!.relay(connection, { topic, bytes: frame });
  }

  /** R6: anything other than the three messages is dropped without an answer. L1: it costs tokens either way. */
  #read(connection: Connection, frame: Buffer): void {
    const message = readMessage(frame);
    connection.charge(chargeOfReading(frame.length));
    switch (message?.kind) {
      case 'Subscribe':
        this.traffic.received.subscribe += 1;
        return this.#handler!.subscribe(connection, message);
      case 'Unsubscribe':
        this.traffic.received.unsubscribe += 1;
        return this.#handler!.unsubscribe(connection, message);
      case 'Relay':
        this.traffic.received.relay += 1;
        return this.#handler!.relay(connection, { topic: message.topic, bytes: encodeMessage(message) });
      case undefined:
        this.traffic.dropped.undecodable += 1;
        return undefined;
    }
  }

  /** The same for a peer that is answered: it hears of what is no message (V2). */
  #request(connection: Connection, frame: Buffer): void {
    const relay = canonicalRelayRequest(frame);
    if (relay !== undefined) {
      const { topic, id, to, end } = relay;
      this.traffic.received.relay += 1;
      this.traffic.requests.relay += 1;
      return this.#handler!.relay(connection, { topic, bytes: relayWithin(frame, end), id, to });
    }
    const request = readRequest(frame);
    connection.charge(chargeOfReading(frame.length));
    if (request.kind === 'Unreadable') return this.#handler!.unreadable(connection, request);
    const kind = KINDS[request.kind];
    this.traffic.received[kind] += 1;
    this.traffic.requests[kind] += 1;
    switch (request.kind) {
      case 'Subscribe':
        return this.#handler!.subscribe(connection, request);
      case 'Unsubscribe':
        return this.#handler!.unsubscribe(connection, request);
      case 'Relay': {
        const { topic, id, to } = request;
        return this.#handler!.relay(connection, { topic, bytes: encodeMessage(request), id, to });
      }
      case 'IceServers':
        connection.charge(CHARGE_OF_ICE_SERVERS - 1);
        return this.#handler!.iceServers(connection, request);
      case 'Ping':
        return this.#handler!.ping(connection, request);
      case 'Pong':
        // That it came is what counts.
        return undefined;
    }
  }

  /** J7: text that is not JSON, or has no known type, is dropped without an answer, as the reference does. */
  #text(connection: Connection, text: Buffer): void {
    connection.charge(chargeOfText(text.length));
    const message = parseRendezvousMessage(text);
    if (message === undefined) {
      if (connection.v2) return this.#handler!.unreadable(connection, { kind: 'Unreadable', code: 'malformed' });
      this.traffic.dropped.unknown_text += 1;
      return undefined;
    }
    if (message.type !== 'malformed') this.traffic.received[message.type] += 1;
    switch (message.type) {
      case 'publish':
        return this.#handler!.publish(connection, message);
      case 'announce':
        return this.#handler!.announce(connection, message);
      case 'query':
        return this.#handler!.query(connection, message);
      case 'malformed':
        return this.#handler!.malformed(connection, message);
    }
  }
}
