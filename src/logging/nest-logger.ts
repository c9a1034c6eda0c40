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
  readonly #log: Log<'nest'>;

  constructor(logs: Logs) {
    this.#log = logs.for('nest');
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#log.write('nest_debug', context(rest), { text: text(message) });
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#log.write('nest_debug', context(rest), { text: text(message) });
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#log.write('nest_trace', context(rest), { text: text(message) });
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#log.write('nest_warning', context(rest), { text: text(message) });
  }

  error(message: unknown, ...rest: unknown[]): void {
    // An error that ends the start also reaches the caller of createApp, which explains it better.
    if (rest.at(-1) === START_FAILED) return;
    const stack = rest.length > 1 ? text(rest[0]) : undefined;
    this.#log.write('nest_error', { ...context(rest), stack }, { text: text(message) });
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
function context(rest: readonly unknown[]): { context?: string } {
  const last = rest.at(-1);
  return last === undefined ? {} : { context: text(last) };
}
