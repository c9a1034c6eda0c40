import { isObservable, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';

/** An answer, or a promise or an observable of it. */
export type NowOrLater<T> = T | Promise<T> | Observable<T>;

/** Resolves to what code of an operator answered: like Nest, takes a value, a promise or an observable. */
export async function lastValue(answer: unknown): Promise<unknown> {
  const value = await answer;
  return isObservable(value) ? lastValueFrom(value) : value;
}

/** Returns whether to wait for an answer. The queries of some libraries are not promises, but have `then`. */
export function isLater(answer: unknown): boolean {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === 'function' || isObservable(answer);
}
