import type { IncomingMessage } from 'node:http';
import { Refusal } from '../connection/refusal.js';
import { selectedOf } from '../protocol/subprotocol.js';

/**
 * Returns whether a request asks for a WebSocket (RFC 6455, section 4.1), well-formed or not. Otherwise it is a plain
 * request that offers some other upgrade.
 */
export function isWebSocketHandshake({ headers }: IncomingMessage): boolean {
  return offersWebSocket(headers.upgrade) && headers['sec-websocket-key'] !== undefined;
}

/** Whether `Upgrade`, which is a list of protocols (RFC 9110, section 7.8), names WebSocket. */
export function offersWebSocket(upgrade: string | undefined): boolean {
  return elements(upgrade).some((protocol) => protocol.toLowerCase() === 'websocket');
}

/** A subprotocol: a token (RFC 9110, section 5.6.2). With the padding of base64, since it may carry a bearer token. */
const PROTOCOL = /^[\w!#$%&'*+.^`|~-]+={0,2}$/;

/** Returns the refusal for a handshake that breaks a rule of RFC 6455, section 4.2.1, which `ws` does not check. */
export function handshakeFault({ httpVersion, headers }: IncomingMessage): Refusal | undefined {
  if (httpVersion !== '1.1') return malformed('it must be HTTP/1.1 (in nginx, set "proxy_http_version 1.1")');
  if (headers['sec-websocket-version'] !== '13') return malformed('Missing or invalid Sec-WebSocket-Version header');
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    return malformed('it must have no body');
  }
  const protocols = elements(headers['sec-websocket-protocol']);
  if (!protocols.every((protocol) => PROTOCOL.test(protocol)) || new Set(protocols).size < protocols.length) {
    return malformed('Invalid Sec-WebSocket-Protocol header');
  }
  return undefined;
}

/**
 * Rewrites the lists of a handshake without a fault as `ws` reads them: it takes no list of protocols in `Upgrade`, and
 * no empty elements (RFC 9110, section 5.6.1.2). Of the subprotocols, only the one that is selected stays.
 */
export function simplify({ headers }: IncomingMessage): void {
  headers.upgrade = 'websocket';
  const selected = selectedOf(elements(headers['sec-websocket-protocol']));
  if (selected === undefined) delete headers['sec-websocket-protocol'];
  else headers['sec-websocket-protocol'] = selected;
}

/**
 * Returns the elements of a list (RFC 9110, section 5.6.1), without the white space around them. Empty ones are
 * ignored.
 */
function elements(list = ''): string[] {
  return list
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
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
