import type { IncomingMessage } from 'node:http';
import { Refusal } from '../connection/refusal.js';

/**
 * Maximum number of headers of a request. Browsers and proxies send fewer than 40. A header of a few bytes takes far
 * more memory than that.
 */
export const MAX_HEADERS = 128;

/** Maximum bytes of request line and headers. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** The refusal of a request with more headers. */
export const TOO_MANY_HEADERS = new Refusal(431, 'headers', `A request may have at most ${MAX_HEADERS} headers.`);

/**
 * The refusal of a request whose headers Node does not take: there are too many bytes of them or, since Node 24, too
 * many.
 */
export const HEADERS_TOO_LARGE = new Refusal(
  431,
  'headers',
  `A request may have at most ${MAX_HEADERS} headers, and ${MAX_HEADER_BYTES / 1024} KB of them. ` +
    'Large cookies are a common reason for more.',
);

export function hasTooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MAX_HEADERS;
}
