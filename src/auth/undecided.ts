import { Refusal } from '../connection/refusal.js';

/** How soon, in seconds, a peer may try again after a guard could not decide. */
const RETRY_S = 5;

/** The refusal (503) where a custom guard cannot decide. */
export function undecided(reason: 'guard_failed' | 'guard_timeout' | 'guard_nonsense'): Refusal {
  return new Refusal(503, reason, 'This server cannot tell whether you may connect; try again.', {
    retryAfter: RETRY_S,
  });
}
