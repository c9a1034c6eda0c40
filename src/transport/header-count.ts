import type { IncomingMessage } from 'node:http';
import { Refusal } from '../connection/refusal.js';

/**
 * Maximum number of headers of a request. Browsers and proxies send fewer than 40. A header of a few bytes takes far
 * more memory than that.
 */
export const MAX_HEADERS = 128;

/** The refusal of a request with more headers. */
export const TOO_MANY_HEADERS = new Refusal(431, 'headers', `A request may have at most ${MAX_HEADERS} headers.`);

/**
 * Returns the refusal of a request whose headers Node does not take: there are more than `mostBytes` of them or, since
 * Node 24, too many.
 */
export function headersTooLarge(mostBytes: number): Refusal {
  return new Refusal(
    431,
    'headers',
    `A request may have at most ${MAX_HEADERS} headers, and ${inKilobytes(mostBytes)} of them; the setting is ` +
      'max-header-bytes. Large cookies and long tokens are common reasons for more.',
  );
}

function inKilobytes(bytes: number): string {
  return bytes % 1024 === 0 ? `${bytes / 1024} KB` : `${bytes} bytes`;
}

export function hasTooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MAX_HEADERS;
}
