import { writeSync } from 'node:fs';
import { openDevice } from './device.js';
import { LineWriter } from './line-writer.js';

let writer: LineWriter | undefined;

/** Returns the only writer of lines to standard output in this process. */
export function standardOutput(): LineWriter {
  if (writer !== undefined) return writer;
  const made = new LineWriter(openDevice(1));
  // For a process that ends without awaiting its log. Node finishes the write that is under way.
  process.once('exit', () => {
    try {
      writeSync(1, made.takeWaiting());
    } catch {
      // It could not be written before either.
    }
  });
  return (writer = made);
}
