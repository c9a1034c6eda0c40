import type { IncomingHttpHeaders } from 'node:http';
import { SUBPROTOCOL } from '../protocol/subprotocol.js';

/** Prefix of the offered "subprotocol" that carries a token. The server never selects it. */
const TOKEN_PREFIX = 'bearer.';

/** RFC 9110, section 11.1: the scheme in any case, then spaces, then the token up to the end of the value. */
const AUTHORIZATION = /^bearer +([^ ].*)$/i;

/**
 * Returns the bearer token that an upgrade request presents. It comes from `Authorization` (RFC 6750, section 2.1) or,
 * since a browser cannot set that header, from `Sec-WebSocket-Protocol: cairn-signal, bearer.<base64url of the token>`.
 * The second form counts only next to our own subprotocol: without that a browser would drop the connection anyway.
 * Returns undefined when there is no token, or when several subprotocols claim to carry it. Of two `Authorization`
 * headers Node keeps the first. Never looks at the URL (RFC 9700, section 4.3.2).
 */
export function presentedToken(headers: IncomingHttpHeaders): string | undefined {
  const authorized = AUTHORIZATION.exec(headers.authorization ?? '');
  if (authorized !== null) return authorized[1];

  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const tokens = offered.filter((protocol) => protocol.startsWith(TOKEN_PREFIX));
  if (tokens.length !== 1 || !offered.includes(SUBPROTOCOL)) return undefined;
  const encoded = tokens[0].slice(TOKEN_PREFIX.length);
  if (!/^[\w-]+$/.test(encoded)) return undefined;
  // A single base64url character does not make a byte.
  return Buffer.from(encoded, 'base64url').toString('utf8') || undefined;
}
