import type { IncomingHttpHeaders } from 'node:http';
import { SUBPROTOCOL } from '../protocol/subprotocol.js';

/** Marks the offered "subprotocol" that carries a token; it is never selected. */
const TOKEN_PREFIX = 'bearer.';

/** RFC 9110, section 11.1: the scheme in any case, then spaces; the token runs to the end of the value. */
const AUTHORIZATION = /^bearer +([^ ].*)$/i;

/**
 * The bearer token that an upgrade request presents: from `Authorization` (RFC 6750, section 2.1) or, since a browser
 * cannot set that header, from `Sec-WebSocket-Protocol: cairn-signal, bearer.<base64url of the token>`. The second counts
 * only beside our own subprotocol, without which a browser would drop the connection after all.
 * Undefined when there is none, or more than one subprotocol claims to be it (of two headers Node keeps the first). Never looks at the URL (RFC 9700, section 4.3.2).
 */
export function presentedToken(headers: IncomingHttpHeaders): string | undefined {
  const authorized = AUTHORIZATION.exec(headers.authorization ?? '');
  if (authorized !== null) return authorized[1];

  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const tokens = offered.filter((protocol) => protocol.startsWith(TOKEN_PREFIX));
  if (tokens.length !== 1 || !offered.includes(SUBPROTOCOL)) return undefined;
  const encoded = tokens[0].slice(TOKEN_PREFIX.length);
  if (!/^[\w-]+$/.test(encoded)) return undefined;
  // One character alone is not even a byte.
  return Buffer.from(encoded, 'base64url').toString('utf8') || undefined;
}
