import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpException, InternalServerErrorException } from '@nestjs/common';
import { Refused } from '../auth/refused.js';
import type { Refusal } from '../connection/refusal.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';

/** The server is draining. */
export const DRAINING: Refusal = {
  status: 503,
  reason: 'draining',
  text: 'This server is restarting; try again.',
  headers: { 'Retry-After': '5' },
};

/** To CONNECT (RFC 9110, section 9.3.6). */
export const NO_PROXY: Refusal = {
  status: 405,
  reason: 'malformed',
  text: 'This server is no proxy.',
  headers: { Allow: 'GET' },
};

/**
 * The answer to an exception of a guard; anything but an HttpException is our fault and says nothing about itself. Where the
 * exception's response has a `retryAfter` (seconds), the peer is told.
 */
export function refusalOf(error: unknown): Refusal {
  const exception = error instanceof HttpException ? error : new InternalServerErrorException();
  const status = exception.getStatus();
  const { retryAfter } = exception.getResponse() as { retryAfter?: unknown };
  return {
    status,
    reason: reasonOf(error),
    text: exception.message,
    headers: {
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(typeof retryAfter === 'number' && { 'Retry-After': String(retryAfter) }),
    },
  };
}

function reasonOf(error: unknown): RefusalReason {
  if (error instanceof Refused) return error.reason;
  return error instanceof HttpException ? 'guard' : 'fault';
}

/** How long, in milliseconds, a refused peer may take to read the answer. */
const LINGER_MS = 1000;

/** Answers an upgrade request over its raw socket and ends the connection, once the peer has had time to read why. */
export function refuse(socket: Duplex, refusal: Refusal): void {
  const body = `${refusal.text}\n`;
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    Connection: 'close',
    ...refusal.headers,
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}\r\n${head.join('')}\r\n${body}`);
  lingerThenDestroy(socket);
}

/** Reads on for a while: a socket that is closed on unread bytes is reset, and the answer may be lost with it. */
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
