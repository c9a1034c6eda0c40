import { hash } from 'node:crypto';
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
  return upgrade === 'websocket' || elements(upgrade).some((protocol) => protocol.toLowerCase() === 'websocket');
}

/** A subprotocol: a token (RFC 9110, section 5.6.2). With the padding of base64, since it may carry a bearer token. */
const PROTOCOL = /^[\w!#$%&'*+.^`|~-]+={0,2}$/;

/** A key: 16 bytes in base64 (RFC 6455, section 4.1). */
const KEY = /^[+/\dA-Za-z]{22}==$/;

/** Returns the refusal for a handshake that breaks a rule of RFC 6455, section 4.2.1; undefined for a good one. */
export function handshakeFault({ method, httpVersion, headers }: IncomingMessage): Refusal | undefined {
  if (httpVersion !== '1.1') return malformed('it must be HTTP/1.1 (in nginx, set "proxy_http_version 1.1")');
  if (headers['sec-websocket-version'] !== '13') return malformed('Missing or invalid Sec-WebSocket-Version header');
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    return malformed('it must have no body');
  }
  const offered = headers['sec-websocket-protocol'];
  if (offered !== undefined && !areProtocols(elements(offered))) {
    return malformed('Invalid Sec-WebSocket-Protocol header');
  }
  if (method !== 'GET') return NOT_A_GET;
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return malformed('Missing or invalid Sec-WebSocket-Key header');
  return undefined;
}

function areProtocols(written: readonly string[]): boolean {
  return written.every((protocol) => PROTOCOL.test(protocol)) && new Set(written).size === written.length;
}

/** Returns the subprotocol that is selected of those that a handshake offers; undefined for none. */
export function selectedProtocol({ headers }: IncomingMessage): string | undefined {
  const offered = headers['sec-websocket-protocol'];
  return offered === undefined ? undefined : selectedOf(elements(offered));
}

/** What a server appends to the key (RFC 6455, section 1.3). */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * Returns the answer that accepts a handshake without a fault (RFC 6455, section 4.2.2). `more` are further header
 * lines.
 */
export function acceptance(
  { headers }: IncomingMessage,
  protocol: string | undefined,
  more: readonly string[],
): string {
  const accept = hash('sha1', headers['sec-websocket-key']! + GUID, 'base64');
  const selected = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n${selected}${more.map((line) => `${line}\r\n`).join('')}\r\n`
  );
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
