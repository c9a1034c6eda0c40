import type { IncomingMessage } from 'node:http';
import { Refusal } from '../connection/refusal.js';

/**
 * Maximum number of headers of a request. Browsers and proxies send fewer than 40. A header of a few bytes takes far
 * more memory than that.
 */
export const MAX_HEADERS = 128;

/** The refusal of a request with more headers. */
export const TOO_MANY_HEADERS = new Refusal(431, 'malformed', `A request may have at most ${MAX_HEADERS} headers.`);

export function hasTooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MAX_HEADERS;
}
