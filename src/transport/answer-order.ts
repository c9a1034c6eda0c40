import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** The last answer of each connection: given, being given, or waiting for its turn. */
const lastAnswers = new WeakMap<Duplex, ServerResponse>();

/**
 * An answer that takes its turn. For our own servers: Node gives some answers (400, 417, 503) without telling any
 * listener.
 */
export class OrderedAnswer<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  constructor(...parts: ConstructorParameters<typeof ServerResponse<Request>>) {
    super(...parts);
    takeTurn(parts[0], this);
  }
}

/** Makes this answer the last one of its connection, until there is another. For servers of an application. */
export function takeTurn({ socket }: IncomingMessage, answer: ServerResponse): void {
  lastAnswers.set(socket, answer);
}

/**
 * Calls `answer` once the earlier answers of a connection are out. Some requests are answered outside Node's own queue.
 * With pipelining (RFC 9112, section 9.3.2) they may arrive while earlier answers are still being written. Does not
 * call it if the connection ends with one of those.
 */
export function inTurn(socket: Duplex, answer: () => void): void {
  const before = lastAnswers.get(socket);
  if (before !== undefined && !before.closed) before.once('close', () => inTurn(socket, answer));
  else if (socket.writable) answer();
}

/** Returns whether the last request of a connection has a body that is not complete. */
export function breaksInBody(socket: Duplex): boolean {
  return lastAnswers.get(socket)?.req.complete === false;
}
