import type { IncomingMessage } from 'node:http';
import type { Connection } from './connection.js';
import type { Refusal } from './refusal.js';

/** Takes the messages of connections: whole, in the order they arrived, never after the disconnect. Must not throw. */
export interface MessageHandler {
  /** `message` is there until this returns: what is to stay must be copied. */
  binaryMessage(connection: Connection, message: Buffer): void;
  /** `message` is UTF-8. */
  textMessage(connection: Connection, message: Buffer): void;
}

/** Where connections come from: what a gateway gets from Nest as its server. */
export interface ConnectionSource {
  /** Has every message of every connection delivered to `handler`, whose guards also decide who may connect. */
  deliverTo(handler: MessageHandler): void;
  /** How a handshake with the headers of this plain request would be refused; undefined where it would be let in. */
  rehearse(request: IncomingMessage): Promise<Refusal | undefined>;
}
