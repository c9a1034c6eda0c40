import { writeSync } from 'node:fs';
import { openDevice } from './device.js';
import { LineWriter } from './line-writer.js';

/** Writers whose last lines are written when the process ends, by their descriptors. */
const atExit = new Map<LineWriter, number>();

let writer: LineWriter | undefined;

/** Returns the only writer of lines to standard output in this process. */
export function standardOutput(): LineWriter {
  return (writer ??= writerTo(1));
}

/**
 * Returns a new writer of lines to a descriptor that nobody else writes to. `forgetWriter` is for one whose lines are
 * all written.
 */
export function writerTo(descriptor: number): LineWriter {
  const made = new LineWriter(openDevice(descriptor));
  if (atExit.size === 0) process.once('exit', writeWaiting);
  atExit.set(made, descriptor);
  return made;
}

export function forgetWriter(written: LineWriter): void {
  // The log of the process goes on.
  if (written !== writer && atExit.delete(written) && atExit.size === 0) process.off('exit', writeWaiting);
}

/** For a process that ends without awaiting its log. Node finishes the write that is under way. */
function writeWaiting(): void {
  for (const [waiting, descriptor] of atExit) {
    try {
      writeSync(descriptor, waiting.takeWaiting());
    } catch {
      // It could not be written before either.
    }
  }
}
