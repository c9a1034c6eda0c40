import { ServerResponse, STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { lingerThenDestroy } from './upgrade-answer.js';

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

/**
 * Answers input that is not HTTP, on our own server, in its turn. Node would answer immediately, and drop the earlier
 * answers.
 */
export function answerBrokenRequests(server: Server): void {
  const broken = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const status = statusOf(error.code);
    // The connection or its TLS is broken.
    if (status === undefined) {
      socket.destroy(error);
      return;
    }
    // The input after the first fault is broken too.
    if (broken.has(socket)) return;
    broken.add(socket);
    socket.on('error', () => undefined);
    // A request with a broken body has its own answer.
    const answered = lastAnswers.get(socket)?.req.complete === false || error.code === 'HPE_CLOSED_CONNECTION';
    inTurn(socket, () => {
      socket.end(answered ? '' : `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
      lingerThenDestroy(socket);
    });
  });
}

/** Returns the status that Node would answer with; undefined if there is no HTTP to answer in. */
function statusOf(code = ''): number | undefined {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    default:
      return code.startsWith('HPE_') ? 400 : undefined;
  }
}
