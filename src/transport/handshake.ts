import type { IncomingMessage } from 'node:http';
import { Refusal } from '../connection/refusal.js';

/**
 * Returns whether a request asks for a WebSocket (RFC 6455, section 4.1), well-formed or not. Otherwise it is a plain
 * request that offers some other upgrade.
 */
export function isWebSocketHandshake(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket' && request.headers['sec-websocket-key'] !== undefined;
}

/** Returns the refusal for a handshake that breaks a rule of RFC 6455, section 4.2.1, which `ws` does not check. */
export function handshakeFault({ httpVersion, headers }: IncomingMessage): Refusal | undefined {
  if (httpVersion !== '1.1') return malformed('it must be HTTP/1.1');
  if (headers['sec-websocket-version'] !== '13') return malformed('Missing or invalid Sec-WebSocket-Version header');
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    return malformed('it must have no body');
  }
  return undefined;
}

function malformed(what: string): Refusal {
  return new Refusal(400, 'malformed', `Not a valid WebSocket handshake: ${what}.`, {
    headers: { 'Sec-WebSocket-Version': '13' },
  });
}

const NOT_A_GET = new Refusal(405, 'malformed', 'A WebSocket handshake is a GET.', { headers: { Allow: 'GET' } });

/** Returns the refusal for a handshake that `ws` itself rejects. `error` says why. */
export function refusalOfHandshake(error: Error, { method }: IncomingMessage): Refusal {
  return method === 'GET' ? malformed(error.message) : NOT_A_GET;
}
