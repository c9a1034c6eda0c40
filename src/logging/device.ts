import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';

/** Writes some of `bytes`: calls back once, with an error or the number of bytes, maybe before it returns. */
export type Device = (bytes: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void) => void;

const STREAMS = { 1: 'stdout', 2: 'stderr' } as const;

/**
 * Opens standard output (1) or standard error (2) such that a write never blocks the event loop, nor the end of the
 * process.
 * A pipe or terminal is opened a second time, since whether writes block belongs to the opened file, which other
 * processes share.
 * Everything else is written in Node's thread pool: files, and what cannot be opened again (sockets, other users'
 * pipes).
 */
export function openDevice(descriptor: keyof typeof STREAMS): Device {
  const own = openAgain(descriptor);
  if (own === undefined) {
    // Node makes a pipe or socket non-blocking when it makes a stream of it.
    void process[STREAMS[descriptor]].fd;
    return (bytes, done) => write(descriptor, bytes, done);
  }
  return (bytes, done) => {
    let written = 0;
    try {
      written = writeSync(own, bytes);
    } catch (error) {
      return done(error as NodeJS.ErrnoException, 0);
    }
    return done(null, written);
  };
}

/** Whether a device took nothing, but may soon. */
export function isBusy({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EBUSY' || code === 'EINTR';
}

function openAgain(descriptor: number): number | undefined {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const type = fstatSync(descriptor);
    if (!type.isFIFO() && !type.isCharacterDevice()) return undefined;
    return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return undefined;
  }
}
