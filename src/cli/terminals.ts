import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';

const STANDARD_STREAMS = [0, 1, 2];

/**
 * Closes the terminals that are gone when the process ends: Node resets every terminal then, and crashes where it
 * cannot.
 */
export function forgetClosedTerminals(): void {
  const terminals = STANDARD_STREAMS.filter((descriptor) => isatty(descriptor));
  process.once('exit', () => {
    for (const descriptor of terminals.filter((terminal) => !isatty(terminal))) {
      try {
        closeSync(descriptor);
      } catch {
        // It was closed already.
      }
    }
  });
}
