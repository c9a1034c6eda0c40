import { inspect } from 'node:util';
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
    this.#log.debug(text(message), context(rest));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#log.debug(text(message), context(rest));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#log.trace(text(message), context(rest));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#log.warn(text(message), context(rest));
  }

  error(message: unknown, ...rest: unknown[]): void {
    // What ends the start is thrown on to whoever called createApp, who explains it better.
    if (rest.at(-1) === START_FAILED) return;
    this.#log.error(text(message), { ...context(rest), ...(rest.length > 1 && { stack: rest[0] }) });
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest);
  }
}

function text(message: unknown): string {
  if (typeof message === 'string') return message;
  return message instanceof Error ? `${message.name}: ${message.message}` : inspect(message);
}

/** Nest passes the name of the class that logs last; error puts a stack trace before it. */
function context(rest: readonly unknown[]): { context?: unknown } {
  return { context: rest.at(-1) };
}
