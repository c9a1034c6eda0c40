import type { IncomingHttpHeaders } from 'node:http';
import { selectedOf } from '../protocol/subprotocol.js';

/** Prefix of the offered "subprotocol" that carries a token. The server never selects it. */
const TOKEN_PREFIX = 'bearer.';

/** RFC 9110, section 11.1: the scheme in any case, then spaces, then the token up to the end of the value. */
const AUTHORIZATION = /^bearer +([^ ].*)$/i;

/** The token that a request presents, or why none can be read where something stands in the place of one. */
export interface Presented {
  readonly token?: string;
  readonly mistake?: string;
}

/**
 * Returns the bearer token that an upgrade request presents. It comes from `Authorization` (RFC 6750, section 2.1) or,
 * since a browser cannot set that header, from `Sec-WebSocket-Protocol: cairn-signal, bearer.<base64url of the token>`.
 * The second form counts only next to a subprotocol of ours, `cairn-signal.v2` as well: without one a browser would drop
 * the connection anyway.
 * Returns undefined when there is no token, or when several subprotocols claim to carry it. Of two `Authorization`
 * headers Node keeps the first. Never looks at the URL (RFC 9700, section 4.3.2).
 */
export function presentedToken(headers: IncomingHttpHeaders): string | undefined {
  return presented(headers).token;
}

/** Returns the same, with the mistake where there is no token. No mistake repeats anything that the peer sent. */
export function presented(headers: IncomingHttpHeaders): Presented {
  const { authorization } = headers;
  const authorized = AUTHORIZATION.exec(authorization ?? '');
  if (authorized !== null) return { token: authorized[1] };
  const offered = presentedIn(headers['sec-websocket-protocol'] ?? '');
  if (offered.token !== undefined || offered.mistake !== undefined || authorization === undefined) return offered;
  return { mistake: faultOfAuthorization(authorization) };
}

function presentedIn(header: string): Presented {
  const offered = header.split(',').map((protocol) => protocol.trim());
  const tokens = offered.filter((protocol) => protocol.startsWith(TOKEN_PREFIX));
  if (tokens.length > 1) return { mistake: 'Several subprotocols begin with "bearer.": offer one.' };
  if (tokens.length === 0) {
    const similar = offered.some((protocol) => /^(?:bearer|token|authorization)[.:_-]?/i.test(protocol));
    return similar ? { mistake: 'The subprotocol with the token begins with "bearer." in small letters.' } : {};
  }
  if (selectedOf(offered) === undefined) {
    return {
      mistake:
        'The token is offered as a subprotocol, but neither "cairn-signal" nor "cairn-signal.v2" is offered beside it.',
    };
  }
  const encoded = tokens[0].slice(TOKEN_PREFIX.length);
  if (!/^[\w-]+={0,2}$/.test(encoded)) return { mistake: faultOfEncoding(encoded) };
  // A single base64url character does not make a byte.
  const token = Buffer.from(encoded, 'base64url').toString('utf8');
  return token === '' ? { mistake: RAW } : { token };
}

const RAW =
  'What follows "bearer." looks like the token itself: it must be the base64url of the token (RFC 4648, section 5).';

function faultOfEncoding(encoded: string): string {
  if (encoded === '') return 'Nothing follows "bearer.": it must be the base64url of the token.';
  const standard = /^[\w+/-]+={0,2}$/.test(encoded) && isText(Buffer.from(encoded, 'base64').toString('utf8'));
  return standard
    ? 'What follows "bearer." is base64, but it must be base64url: "-" and "_" for "+" and "/" (RFC 4648, section 5).'
    : RAW;
}

function faultOfAuthorization(authorization: string): string {
  if (/^bearer\s*$/i.test(authorization)) return 'Nothing follows "Bearer" in the Authorization header.';
  if (/^(?:basic|digest|negotiate|token|apikey)\b/i.test(authorization)) {
    return 'The Authorization header has another scheme than "Bearer".';
  }
  return 'The Authorization header does not begin with "Bearer" and a space.';
}

/**
 * Returns what a token that is not known looks like, where it looks like a common mistake; otherwise undefined. Judges
 * by the looks alone, so that it tells nobody whether a token is right.
 */
export function mistakeIn(token: string, headers: IncomingHttpHeaders): string | undefined {
  const authorized = AUTHORIZATION.test(headers.authorization ?? '');
  if (!authorized && !isText(token.trim())) return RAW;
  return MISTAKES.find(([, looks]) => looks(token, authorized))?.[0];
}

const QUOTES = new Set(['"', "'"]);

/** Mistakes by the looks of a token, in a header or not. */
const MISTAKES: readonly (readonly [mistake: string, looks: (token: string, inHeader: boolean) => boolean])[] = [
  [
    'It begins with "Bearer ", which belongs before the token and is not a part of it.',
    (token) => /^bearer\s/i.test(token),
  ],
  [
    'It begins with "bearer.", which belongs into a subprotocol. The Authorization header has the token as it is.',
    (token, inHeader) => inHeader && /^bearer\./i.test(token),
  ],
  [
    'It has a line break or a space around it, as "echo" adds one; "printf %s" does not.',
    (token) => token !== token.trim(),
  ],
  [
    'It stands in quotes, which are not a part of it.',
    (token) => token.length > 1 && QUOTES.has(token[0]) && token.endsWith(token[0]),
  ],
  [
    'It is a line of the token file of the server, which holds only a digest.',
    (token) => /^[\w.-]*:sha256:[\da-f]*$/i.test(token),
  ],
  [
    'It looks like a placeholder that nothing has replaced.',
    (token) => /^\$\{?\w+\}?$/.test(token) || (token.startsWith('<') && token.endsWith('>')),
  ],
];

/** Whether a text may be a token: visible ASCII, maybe with spaces. */
function isText(text: string): boolean {
  return /^[\x20-\x7e]+$/.test(text);
}
