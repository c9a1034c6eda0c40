import { ServerResponse, STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { lingerThenDestroy } from './upgrade-answer.js';

/** The answer that a connection was given last, is still given, or waits to be given. */
const lastAnswers = new WeakMap<Duplex, ServerResponse>();

/** An answer that takes its turn. For servers of our own: Node gives some answers (400, 417, 503) by itself, without a word to any listener. */
export class OrderedAnswer<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  constructor(...parts: ConstructorParameters<typeof ServerResponse<Request>>) {
    super(...parts);
    takeTurn(parts[0], this);
  }
}

/** This answer is the last one of its connection, until there is another. For servers of an application's. */
export function takeTurn({ socket }: IncomingMessage, answer: ServerResponse): void {
  lastAnswers.set(socket, answer);
}

/**
 * Calls `answer` once the earlier answers of a connection are out: with pipelining (RFC 9112, section 9.3.2), what is to be answered past Node's own
 * queue may arrive before they are. Not at all where the connection ends with one of them.
 */
export function inTurn(socket: Duplex, answer: () => void): void {
  const before = lastAnswers.get(socket);
  if (before !== undefined && !before.closed) before.once('close', () => inTurn(socket, answer));
  else if (socket.writable) answer();
}

/** Has what is not HTTP answered in its turn by a server of our own, where Node would answer at once and drop what was to be said before. */
export function answerBrokenRequests(server: Server): void {
  const broken = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const status = statusOf(error.code);
    // The connection or its TLS is what is broken.
    if (status === undefined) {
      socket.destroy(error);
      return;
    }
    // What comes behind is as broken.
    if (broken.has(socket)) return;
    broken.add(socket);
    socket.on('error', () => undefined);
    // A request that breaks in its body has an answer of its own.
    const answered = lastAnswers.get(socket)?.req.complete === false || error.code === 'HPE_CLOSED_CONNECTION';
    inTurn(socket, () => {
      socket.end(answered ? '' : `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
      lingerThenDestroy(socket);
    });
  });
}

/** As Node would answer; undefined where there is no HTTP to answer in. */
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
