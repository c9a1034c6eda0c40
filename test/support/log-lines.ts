import type { Logs } from '../../src/logging/log.js';

/** The levels at which `writeAll` writes, in its order. */
export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** Writes a line of each level: at trace one of Nest, since no other part has any; the others of the server. */
export function writeAll(logs: Logs): void {
  logs.for('nest').write('nest_trace', {}, { text: 'a trace' });
  const log = logs.for('server');
  log.write('operator_code_error', { error: 'an error' });
  log.write('signal_ignored', { signal: 'SIGUSR1' });
  log.write('start_warning', {}, { warning: 'a warning' });
  log.write('bug', { origin: 'unhandledRejection' });
}
