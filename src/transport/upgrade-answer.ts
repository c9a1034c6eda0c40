import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { refusalInException } from '../auth/thrown.js';
import { mergedHeaders, Refusal } from '../connection/refusal.js';

/** For every upgrade while the server drains. */
export const DRAINING = new Refusal(503, 'draining', 'This server is restarting; try again.', { retryAfter: 5 });

/** For a WebSocket handshake on a path that nobody serves, in an application with several WebSocket servers. */
export const NOBODYS_PATH = new Refusal(404, 'path', 'Nothing on this server takes WebSockets on this path.');

/** For CONNECT (RFC 9110, section 9.3.6). */
export const NOT_A_PROXY = new Refusal(405, 'malformed', 'This server is not a proxy.', { headers: { Allow: 'GET' } });

/**
 * Returns the refusal for what a guard threw. Anything but an HttpException with the status of an error is our own fault:
 * the peer gets a 500 that says nothing about it.
 */
export function refusalOf(error: unknown): Refusal {
  return refusalInException(error) ?? new Refusal(500, 'fault', 'Internal Server Error');
}

const TEXT = 'text/plain; charset=utf-8';

/** Milliseconds that a refused peer may take to read the answer. */
const LINGER_MS = 1000;

/**
 * Answers an upgrade request over its raw socket, and ends the connection once the peer has had time to read the
 * answer.
 */
export function answerRefusal(socket: Duplex, refusal: Refusal): void {
  const { bytes, type } = refusal.body ?? { bytes: Buffer.from(`${refusal.message}\n`), type: TEXT };
  const own = {
    ...(type !== undefined && { 'Content-Type': type }),
    'Content-Length': String(bytes.length),
    'Cache-Control': 'no-store',
    Connection: 'close',
  };
  const head = Object.entries(mergedHeaders(own, refusal.headers)).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  const first = `HTTP/1.1 ${refusal.getStatus()} ${STATUS_CODES[refusal.getStatus()] ?? ''}\r\n`;
  socket.end(Buffer.concat([Buffer.from(`${first}${head.join('')}\r\n`), bytes]));
  lingerThenDestroy(socket);
}

/**
 * Keeps reading for a while, then destroys the socket. The system resets a socket that is closed with unread bytes, and
 * the answer may be lost with it.
 */
export function lingerThenDestroy(socket: Duplex): void {
  const destroy = (): void => {
    socket.destroy();
  };
  const timer = setTimeout(destroy, LINGER_MS);
  socket.on('error', destroy);
  socket.once('end', destroy);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}
