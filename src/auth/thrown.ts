import { HttpException } from '@nestjs/common';
import { Refusal } from '../connection/refusal.js';

/** For a guard that refuses without a sentence. */
export const NO = 'This server does not let you in.';

/** What a guard may throw to refuse, besides Nest's exceptions: anything with the status of an HTTP error. */
interface Refusing {
  readonly status?: unknown;
  readonly message?: unknown;
  /** When the peer may try again. */
  readonly retryAfter?: unknown;
  readonly getStatus?: unknown;
  readonly getResponse?: unknown;
}

/**
 * Returns the refusal that a guard threw: an error with the status of an HTTP error. It may come from another copy of
 * Nest, or from a guard that imports nothing. Returns undefined for anything else. Never throws, whatever was thrown.
 */
export function refusalIn(thrown: unknown): Refusal | undefined {
  try {
    if (typeof thrown !== 'object' || thrown === null) return undefined;
    if (thrown instanceof Refusal) return thrown;
    const { getStatus, getResponse, status: own, message, retryAfter } = thrown as Refusing;
    const status = errorStatusOf(typeof getStatus === 'function' ? getStatus.call(thrown) : own);
    if (status === undefined) return undefined;
    const response: unknown = typeof getResponse === 'function' ? getResponse.call(thrown) : undefined;
    const text = typeof message === 'string' && message !== '' ? message : NO;
    return new Refusal(status, 'guard', text, {
      retryAfter: (response as Refusing | null | undefined)?.retryAfter ?? retryAfter,
    });
  } catch {
    // A getter of its own threw, or it is a proxy.
    return undefined;
  }
}

/** Returns the refusal that Nest's exceptions stand for; undefined for anything else. Never throws. */
export function refusalInException(thrown: unknown): Refusal | undefined {
  try {
    return thrown instanceof HttpException ? refusalIn(thrown) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the status of an HTTP error (400 to 599), also where it is written as text; undefined for anything else. */
export function errorStatusOf(given: unknown): number | undefined {
  const status = typeof given === 'string' && /^\d{3}$/.test(given) ? Number(given) : given;
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599
    ? (status as number)
    : undefined;
}
