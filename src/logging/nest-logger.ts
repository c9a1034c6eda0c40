import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import type { Log, Logs } from './log.js';

/** Context of the line that Nest logs when the start fails. */
const START_FAILED = 'ExceptionHandler';

/**
 * Writes Nest's own lines to our log, under the target `nest`. Nest's level `log` (modules and routes as they start) is
 * detail to an operator, so it becomes debug.
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
    // An error that ends the start also reaches the caller of createApp, which explains it better.
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

/** Reads the name of the logging class, which Nest passes last. For errors a stack trace comes before it. */
function context(rest: readonly unknown[]): { context?: unknown } {
  return { context: rest.at(-1) };
}
