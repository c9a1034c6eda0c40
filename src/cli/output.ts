import { constants } from 'node:os';
import { SystemClock } from '../clock/clock.js';
import type { Clock } from '../clock/clock.js';
import { StartupError } from '../config/faults.js';
import { isBusy, openDevice } from '../logging/device.js';
import type { Device } from '../logging/device.js';

/** Milliseconds before a device that takes nothing now is tried again. */
const PAUSE_MS = 10;
/** Milliseconds that the end of the process waits for a device that takes nothing. */
export const LAST_WORDS_MS = 1000;
/** Exit code of a command whose reader has gone, as with "| head". */
export const NOBODY_READS = 128 + constants.signals.SIGPIPE;

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Standard output did not take what was printed. */
export class OutputError extends StartupError {
  /** Whether nobody reads it any more. */
  readonly unread: boolean;

  constructor({ code = 'unknown' }: NodeJS.ErrnoException) {
    super(`cannot write to standard output: ${NO_ROOM.has(code) ? 'there is no room' : code}`);
    this.unread = code === 'EPIPE';
  }
}

const devices = new Map<1 | 2, Device>();
const clock: Clock = new SystemClock();
let printed: Promise<void> = Promise.resolve();

/**
 * Prints to standard output, behind what was printed before. Resolves when all of it is written. Rejects with an
 * OutputError.
 */
export function print(text: string): Promise<void> {
  return (printed = printed.then(() => writeAll(1, text)));
}

/**
 * Writes to standard error: for at most a second, and drops it if that fails, since there is no other place to say so.
 */
export async function complain(text: string): Promise<void> {
  await Promise.race([writeAll(2, text).catch(() => undefined), clock.sleep(LAST_WORDS_MS)]);
}

async function writeAll(descriptor: 1 | 2, text: string): Promise<void> {
  let device = devices.get(descriptor);
  if (device === undefined) devices.set(descriptor, (device = openDevice(descriptor)));
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    const written = await writeSome(device, rest);
    rest = rest.subarray(written);
    if (written === 0) await clock.sleep(PAUSE_MS);
  }
}

/** Resolves to the number of bytes that the device took. */
function writeSome(device: Device, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    device(bytes, (error, written) => {
      if (error !== null && !isBusy(error)) reject(new OutputError(error));
      else resolve(written);
    });
  });
}
