import type { LoggerService } from '@nestjs/common';
import type { Log, Logs } from './log.js';

/** The context under which Nest logs an exception of the start. */
const START_FAILED = 'ExceptionHandler';

/**
 * Lets Nest's own lines into our log, under the target `nest`. What Nest calls a log (modules, routes as they start)
 * is detail to an operator, so it is written at debug.
 */
export class NestLogger implements LoggerService {
  readonly #log: Log;

  constructor(logs: Logs) {
    this.#log = logs.forTarget('nest');
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#log.debug(String(message), context(rest));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#log.debug(String(message), context(rest));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#log.trace(String(message), context(rest));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#log.warn(String(message), context(rest));
  }

  error(message: unknown, ...rest: unknown[]): void {
    // What ends the start is thrown on to whoever called createApp, who explains it better.
    if (rest.at(-1) === START_FAILED) return;
    this.#log.error(String(message), context(rest));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#log.error(String(message), context(rest));
  }
}

/** Nest passes the name of the class that logs last, after a stack trace if there is one. */
function context(rest: readonly unknown[]): { context?: unknown; stack?: unknown } {
  return rest.length > 1 ? { context: rest.at(-1), stack: rest[0] } : { context: rest[0] };
}
