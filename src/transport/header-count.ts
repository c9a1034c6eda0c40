import type { IncomingMessage } from 'node:http';
import { Refusal } from '../connection/refusal.js';

/** Headers that a request may have; browsers and proxies send less than 40. Each takes far more memory than the few bytes that it may have. */
export const MOST_HEADERS = 128;

/** The answer to a request with more. */
export const TOO_MANY_HEADERS = new Refusal(431, 'malformed', `A request may have ${MOST_HEADERS} headers.`);

export function hasTooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MOST_HEADERS;
}
