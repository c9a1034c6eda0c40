import { constants, fstatSync, openSync, readdirSync, statSync, write, writeSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { Socket } from 'node:net';

/** Writes some of `bytes`: calls back once, with an error or the number of bytes, maybe before it returns. */
export type Device = (bytes: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void) => void;

const STREAMS = { 1: 'stdout', 2: 'stderr' } as const;

/** Streams that were made only so that writes to their descriptor do not block. Closing them would close it. */
const unblocked: Socket[] = [];

/**
 * Opens standard output (1), standard error (2) or a descriptor that the process was started with such that a write never blocks the event loop, nor the end of the
 * process.
 * A pipe or terminal is opened a second time, since whether writes block belongs to the opened file, which other
 * processes share.
 * Everything else is written in Node's thread pool: files, and what cannot be opened again (sockets, other users'
 * pipes).
 */
export function openDevice(descriptor: number): Device {
  const own = openAgain(descriptor);
  if (own === undefined) {
    unblock(descriptor);
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

/** Node makes a pipe or socket non-blocking when it makes a stream of it. */
function unblock(descriptor: number): void {
  if (descriptor === 1 || descriptor === 2) return void process[STREAMS[descriptor]].fd;
  const type = fstatSync(descriptor);
  if (!type.isFIFO() && !type.isSocket()) return undefined;
  const stream = new Socket({ fd: descriptor, readable: false, writable: true });
  // Only writes to the descriptor itself tell what went wrong.
  stream.on('error', () => undefined).unref();
  unblocked.push(stream);
  return undefined;
}

/**
 * Says why lines cannot be written to a descriptor; undefined where they can. Node opens descriptors of its own below
 * 20, so that one which nobody passed to this process may seem to be open.
 */
export function descriptorFault(descriptor: number): string | undefined {
  let type: Stats | undefined;
  try {
    type = fstatSync(descriptor);
    writeSync(descriptor, new Uint8Array(0));
    return type.isFIFO() && hasBothEnds(type.ino) ? 'is not open' : undefined;
  } catch (error) {
    // EINVAL: what Node waits for events with.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBADF') return 'is not open for writing';
    // It listens, as what LISTEN_FDS names, or its other end is gone.
    if (code === 'EPIPE' && type?.isSocket() === true) return 'is a socket that is not connected';
    // What a full disk or a gone reader does not take is dropped, now as later.
    return code === 'EINVAL' ? 'is not open' : undefined;
  }
}

/** Whether this process also holds the other end of a pipe: then it is one of Node's. */
function hasBothEnds(ino: number): boolean {
  try {
    const same = readdirSync('/proc/self/fd').filter((name) => {
      const type = statSync(`/proc/self/fd/${name}`, { throwIfNoEntry: false });
      return type?.isFIFO() === true && type.ino === ino && isForReading(Number(name));
    });
    return same.length > 0;
  } catch {
    // A system without /proc.
    return false;
  }
}

function isForReading(descriptor: number): boolean {
  try {
    writeSync(descriptor, new Uint8Array(0));
    return false;
  } catch {
    return true;
  }
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
