/** What a topic policy decided. */
export interface Judgement {
  readonly allowed: boolean;
  /** When it ends, in milliseconds on the monotonic clock; Infinity for never. */
  readonly until: number;
}

/** Bounds, in seconds, of how long an answer holds: a shorter one would be asked for all the time. */
const HOLDS_S = { least: 1, most: 86_400 };

const YES: Judgement = { allowed: true, until: Infinity };
const NO: Judgement = { allowed: false, until: Infinity };

/**
 * Reads what a topic policy answered at `now`, in milliseconds on the monotonic clock. Returns what is wrong with it,
 * in words that tell no value, if it is no answer. Throws what its properties throw.
 */
export function judgementOf(answer: unknown, now: number): Judgement | string {
  if (typeof answer === 'boolean') return answer ? YES : NO;
  if (typeof answer !== 'object' || answer === null) return answer === null ? 'null' : typeof answer;
  const { allowed, seconds } = answer as { allowed?: unknown; seconds?: unknown };
  if (typeof allowed !== 'boolean') return 'an object whose "allowed" is neither true nor false';
  if (seconds === undefined) return allowed ? YES : NO;
  if (typeof seconds !== 'number' || !(seconds >= 0)) return 'an object whose "seconds" is not a number from 0';
  return { allowed, until: now + 1000 * Math.min(Math.max(seconds, HOLDS_S.least), HOLDS_S.most) };
}
