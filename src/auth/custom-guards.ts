import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { isTooLate, within } from '../clock/deadline.js';
import { Log, Logs } from '../logging/log.js';
import { classOf, makerOf, textOf } from '../logging/name-of.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { readAllowance } from '../connection/allowance.js';
import { Refusal } from '../connection/refusal.js';
import { lastValue } from './last-value.js';
import { NO, refusalIn } from './thrown.js';
import { NO_PRINCIPAL } from './principal.js';
import { undecided } from './undecided.js';
import { hasPrincipal, upgradeOf } from './upgrade-request.js';
import type { UpgradeRequest } from './upgrade-request.js';

/** Milliseconds that one guard may take. */
const MOST_ASKING_MS = 5000;

/**
 * The custom guards, in the order in which they are asked. Nest makes them as the guards of `host`, so that tests may
 * override them; that is after the providers, so they are fetched when they are needed.
 */
export class CustomGuardList {
  #made: readonly CanActivate[] | undefined;

  constructor(
    readonly host: Type<object>,
    private readonly guards: readonly Type<CanActivate>[],
    private readonly fetch: (guard: Type<CanActivate>) => CanActivate,
  ) {}

  get size(): number {
    return this.guards.length;
  }

  get inOrder(): readonly CanActivate[] {
    return (this.#made ??= this.guards.map((guard) => this.fetch(guard)));
  }
}

/**
 * Runs the guards that an operator or an embedding application adds. Owns their order, and the timeout of each. Knows
 * nothing of what they judge.
 * Invariant: a request is let in only if every guard answered `true` in time.
 */
@Injectable()
export class CustomGuards implements CanActivate {
  readonly #log: Log<'auth'>;
  readonly #failures: ThrottledLog<'auth'>;

  constructor(
    private readonly guards: CustomGuardList,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
    this.#failures = new ThrottledLog(this.#log, clock);
  }

  /** Whether there are none. */
  get none(): boolean {
    return this.guards.size === 0;
  }

  /** Asks the guards one after the other. Rejects with the guard's own refusal, or with 503 if a guard cannot judge. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return this.none || this.#askAll(context);
  }

  async #askAll(context: ExecutionContext): Promise<boolean> {
    const { res } = upgradeOf(context);
    for (const guard of this.guards.inOrder) {
      const answer = await this.#ask(guard, context, res);
      if (res.writableEnded || answer === false) throw new Refusal(403, 'guard', NO);
      if (answer !== true) {
        throw this.#failure(guard, 'guard_nonsense', `answered with ${typeof answer}, which is neither true nor false`);
      }
      const upgrade = upgradeOf(context);
      if (upgrade.principal !== undefined && !hasPrincipal(upgrade)) {
        throw this.#failure(guard, 'guard_nonsense', NO_PRINCIPAL);
      }
      const { limits } = upgradeOf(context);
      const allowance = limits === undefined ? undefined : readAllowance(limits);
      if (typeof allowance === 'string') {
        throw this.#failure(guard, 'guard_nonsense', `set limits, which ${allowance}`);
      }
    }
    return true;
  }

  async #ask(guard: CanActivate, context: ExecutionContext, res: UpgradeRequest['res']): Promise<unknown> {
    try {
      return await within(this.clock, MOST_ASKING_MS, Promise.race([answerOf(guard, context), res.answered]));
    } catch (error) {
      if (res.writableEnded) return false;
      if (isTooLate(error)) {
        throw this.#failure(guard, 'guard_timeout', `did not answer within ${MOST_ASKING_MS / 1000} s`);
      }
      throw refusalIn(error) ?? this.#failure(guard, 'guard_failed', `threw ${classOf(error)}`, error);
    }
  }

  /**
   * Logs a guard that cannot judge, and returns the refusal. What the guard threw may hold what it was shown, so that
   * text is logged at debug only.
   */
  #failure(
    guard: CanActivate,
    reason: 'guard_failed' | 'guard_timeout' | 'guard_nonsense',
    what: string,
    error?: unknown,
  ): Refusal {
    const name = makerOf(guard);
    this.#failures.write('guard_failed', { guard: name }, { what });
    if (error !== undefined) this.#log.write('guard_error', { guard: name, error: textOf(error) });
    return undecided(reason);
  }
}

/** Resolves to the answer of a guard. Rejects with all that it throws. */
async function answerOf(guard: CanActivate, context: ExecutionContext): Promise<unknown> {
  return lastValue(guard.canActivate(context));
}
