import { Refusal } from '../connection/refusal.js';

/** Seconds after which a peer may try again. */
const RETRY_S = 5;

/** Returns the refusal (503) for a custom guard that cannot decide. */
export function undecided(reason: 'guard_failed' | 'guard_timeout' | 'guard_nonsense'): Refusal {
  return new Refusal(503, reason, 'This server cannot tell whether you may connect; try again.', {
    retryAfter: RETRY_S,
  });
}
