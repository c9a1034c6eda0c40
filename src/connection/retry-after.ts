import { isDate } from 'node:util/types';

/** Seconds that are told where what was given is no time. */
const DEFAULT_S = 5;
/** The longest time that is told, in seconds: a year. */
const MOST_S = 31_536_000;
/** IMF-fixdate (RFC 9110, section 5.6.7). */
const HTTP_DATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;
/** After this the year has more than four digits. */
const LAST_DATE_MS = Date.UTC(9999, 11, 31);

/**
 * Returns a Retry-After (RFC 9110, section 10.2.3) for what code of an operator gave as one: seconds, also as text, or
 * a date. Rounds up, and stays within 0 and a year. For anything else it is 5 s. Returns undefined for nothing at all.
 */
export function retryAfterOf(given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  if (isDate(given)) return given.getTime() >= 0 && given.getTime() < LAST_DATE_MS ? given.toUTCString() : told(NaN);
  if (typeof given === 'string' && HTTP_DATE.test(given)) return given;
  const isNumber = typeof given === 'number' || typeof given === 'bigint';
  return told(isNumber || (typeof given === 'string' && /\d/.test(given)) ? Number(given) : NaN);
}

function told(seconds: number): string {
  const whole = Number.isNaN(seconds) ? DEFAULT_S : Math.ceil(seconds);
  return String(Math.min(Math.max(whole, 0), MOST_S));
}
