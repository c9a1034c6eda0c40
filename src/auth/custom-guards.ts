import { HttpException, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { isTooLate, within } from '../clock/deadline.js';
import { Log, Logs } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { Refusal } from '../connection/refusal.js';
import { lastValue } from './last-value.js';
import { undecided } from './undecided.js';
import { upgradeOf } from './upgrade-request.js';

/** Milliseconds that one guard may take. */
const MOST_ASKING_MS = 5000;

/** What a guard may throw to refuse, besides Nest's exceptions: anything with the status of an HTTP error. */
interface Refusing {
  readonly status?: number;
  /** Seconds until the peer may try again. */
  readonly retryAfter?: unknown;
}

const NO = 'This server does not let you in.';

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
  readonly #log: Log;
  readonly #failures: ThrottledLog;

  constructor(
    private readonly guards: CustomGuardList,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
    this.#failures = new ThrottledLog(this.#log, clock, 'error');
  }

  /** Asks the guards one after the other. Rejects with the guard's own refusal, or with 503 if a guard cannot judge. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    for (const guard of this.guards.inOrder) {
      const answer = await this.#ask(guard, context);
      if (upgradeOf(context).res.writableEnded || answer === false) throw new Refusal(403, 'guard', NO);
      if (answer !== true) {
        throw this.#failure(guard, 'guard_nonsense', `answered with ${typeof answer}, which is neither true nor false`);
      }
      const principal: unknown = upgradeOf(context).principal;
      if (principal !== undefined && (typeof principal !== 'string' || principal === '')) {
        throw this.#failure(guard, 'guard_nonsense', 'set a principal that is not a string, or is empty');
      }
    }
    return true;
  }

  async #ask(guard: CanActivate, context: ExecutionContext): Promise<unknown> {
    const { res } = upgradeOf(context);
    try {
      return await within(this.clock, MOST_ASKING_MS, Promise.race([answerOf(guard, context), res.answered]));
    } catch (error) {
      if (res.writableEnded) return false;
      if (isTooLate(error)) {
        throw this.#failure(guard, 'guard_timeout', `did not answer within ${MOST_ASKING_MS / 1000} s`);
      }
      throw (
        refusingOf(error) ??
        this.#failure(guard, 'guard_failed', `threw ${error instanceof Error ? error.name : typeof error}`, error)
      );
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
    const { name } = guard.constructor;
    this.#failures.write(`a guard ${what}, so the peer is refused`, { guard: name });
    if (error instanceof Error) this.#log.debug('what a guard threw', { guard: name, error: error.stack });
    return undecided(reason);
  }
}

/** Resolves to the answer of a guard. Rejects with all that it throws. */
async function answerOf(guard: CanActivate, context: ExecutionContext): Promise<unknown> {
  return lastValue(guard.canActivate(context));
}

/**
 * Returns the refusal that a guard threw: an error with the status of an HTTP error. It may come from another copy of
 * Nest, or from a guard that imports nothing. Returns undefined for anything else.
 */
function refusingOf(error: unknown): HttpException | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const {
    getStatus,
    getResponse,
    status: own,
    message,
    retryAfter: owned,
  } = error as Partial<HttpException> & Refusing;
  const status = typeof getStatus === 'function' ? getStatus.call(error) : own;
  if (!Number.isInteger(status) || status! < 400 || status! > 599) return undefined;
  if (error instanceof HttpException) return error;
  const response =
    typeof getResponse === 'function' ? (getResponse.call(error) as { retryAfter?: unknown }) : undefined;
  return new HttpException(
    {
      message: typeof message === 'string' && message !== '' ? message : NO,
      retryAfter: response?.retryAfter ?? owned,
    },
    status!,
  );
}
