import { HttpException, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';
import { Clock } from '../clock/clock.js';
import { TooLate, within } from '../clock/deadline.js';
import { Log, Logs } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { Refusal } from '../connection/refusal.js';
import { undecided } from './undecided.js';
import { upgradeOf } from './upgrade-request.js';

/** How long one guard may take, in milliseconds. */
const MOST_ASKING_MS = 5000;

/** What a guard may throw to refuse, besides Nest's exceptions: anything with the status of an HTTP answer. */
interface Refusing {
  readonly status?: number;
  /** In seconds. */
  readonly retryAfter?: unknown;
}

const NO = 'This server does not let you in.';

/** The custom guards, in the order in which they are asked. */
export class CustomGuardList {
  constructor(readonly inOrder: readonly CanActivate[]) {}
}

/**
 * The guards that an operator or an embedding application adds. Owns their order and how long each may take. Knows nothing of what
 * they judge. Invariant: a request is let in only when every one of them said `true`, in time.
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

  /** Asks them one after the other. Rejects with a refusal: the guard's own, or 503 for a guard that cannot judge. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    for (const guard of this.guards.inOrder) {
      const answer = await this.#ask(guard, context);
      if (answer === false) throw new Refusal(403, 'guard', NO);
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
    try {
      return await within(this.clock, MOST_ASKING_MS, answerOf(guard, context));
    } catch (error) {
      if (error instanceof TooLate) {
        throw this.#failure(guard, 'guard_timeout', `did not answer within ${MOST_ASKING_MS / 1000} s`);
      }
      throw (
        refusingOf(error) ??
        this.#failure(guard, 'guard_failed', `threw ${error instanceof Error ? error.name : typeof error}`, error)
      );
    }
  }

  /** The refusal for a guard that cannot judge. What it threw may hold what it was shown, so its text is for debugging alone. */
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

/** As Nest takes it: a value, a promise or an observable. */
async function answerOf(guard: CanActivate, context: ExecutionContext): Promise<unknown> {
  const answer: unknown = await guard.canActivate(context);
  return isObservable(answer) ? lastValueFrom(answer) : answer;
}

/** The refusal that a guard threw: with the status of an HTTP error, of another copy of Nest too, or of a guard that imports nothing. */
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
