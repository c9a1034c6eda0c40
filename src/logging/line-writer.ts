import { isBusy } from './device.js';
import type { Device } from './device.js';

/** Bytes of lines that may wait to be written. */
const MOST_WAITING = 1024 * 1024;
/** Bytes of lines that are written together, except for a longer line. */
const TOGETHER = 16 * 1024;
/** Milliseconds before a device that takes nothing now is tried again: the first time, and at most. */
const PAUSE = { first: 1, most: 100 };
/** Milliseconds before a device that failed is tried again, if no line tries it sooner. */
const RETRY_MS = 1000;

/** Calls `run` after a number of milliseconds. Does not keep the process alive for it. */
export type Later = (milliseconds: number, run: () => void) => void;

interface Line {
  readonly text: string;
  readonly bytes: number;
  /** Number of lost lines that this line reports; 0 for an ordinary line. */
  readonly reports: number;
  /** Hears that the line was lost, in place of the count of this writer. */
  readonly lost: (() => void) | undefined;
}

/**
 * Writes lines to a device that may fail, or that nobody may read, without ever blocking or throwing. Owns the lines
 * that wait. Does not know what a line says, nor what the device is. Not pino's own sonic-boom: that keeps the lines
 * that a device failed to take, cannot tell how many it lost, and waits for the device when the process ends.
 * Invariant: a line is written, waits, or is counted in `dropped`; at most MOST_WAITING bytes wait; losses are
 * reported, by `onLoss`, between the lines before and after them.
 */
export class LineWriter {
  /** Number of lines that were dropped since the start, apart from those of which somebody else is told. */
  dropped = 0;
  /** Writes the line that says how many were lost. */
  onLoss: (lost: number) => void = () => undefined;

  readonly #waiting: Line[] = [];
  #bytesWaiting = 0;
  /** Lines that are being written, or are tried again after a pause; empty when nothing is. */
  #chunk: readonly Line[] = [];
  #pause = PAUSE.first;
  /** Whether the last thing that was written is a part of a line. */
  #torn = false;
  #unreported = 0;
  /** Number of lost lines that the line which is being made reports. */
  #reporting = 0;
  #retrying = false;
  #settled: (() => void)[] = [];

  constructor(
    private readonly device: Device,
    private readonly later: Later = (milliseconds, run) => void setTimeout(run, milliseconds).unref(),
  ) {}

  /**
   * Writes a line, with its end; as soon as the lines before it are written, if it is not dropped. `lost` is called
   * where it is.
   */
  write(text: string, lost?: () => void): void {
    const line = { text, bytes: Buffer.byteLength(text), reports: this.#reporting, lost };
    if (line.reports === 0 && this.#unreported > 0) {
      if (!this.#busy) this.#report();
      if (this.#unreported > 0) return this.#lose([line]);
    }
    if (this.#bytesWaiting + line.bytes > MOST_WAITING) return this.#lose([line]);
    this.#waiting.push(line);
    this.#bytesWaiting += line.bytes;
    return this.#busy ? undefined : this.#next();
  }

  /** Resolves once no line waits, because all were written or cannot be; or with `over`. */
  async settled(over: Promise<unknown>): Promise<void> {
    if (!this.#busy) return;
    await Promise.race([over, new Promise<void>((resolve) => this.#settled.push(resolve))]);
  }

  /** Returns the lines that wait behind those that are being written, for a process that ends now. */
  takeWaiting(): string {
    return this.#waiting
      .splice(0)
      .map(({ text }) => text)
      .join('');
  }

  get #busy(): boolean {
    return this.#chunk.length > 0;
  }

  #next(): void {
    let bytes = 0;
    const fits = this.#waiting.findIndex((line) => (bytes += line.bytes) > TOGETHER);
    this.#chunk = this.#waiting.splice(0, fits < 0 ? this.#waiting.length : Math.max(fits, 1));
    const text = this.#chunk.map((line) => line.text).join('');
    this.#put(Buffer.from(this.#torn ? `\n${text}` : text));
  }

  #put(bytes: Buffer): void {
    this.device(bytes, (error, written) => {
      if (written > 0) this.#torn = bytes[written - 1] !== NEWLINE;
      if (error !== null && !isBusy(error)) this.#fail(bytes.length);
      else if (written === bytes.length) this.#done();
      else if (written > 0) this.#put(bytes.subarray(written));
      else {
        this.later(this.#pause, () => this.#put(bytes));
        this.#pause = Math.min(this.#pause * 2, PAUSE.most);
      }
    });
  }

  #done(): void {
    this.#pause = PAUSE.first;
    this.#forget(this.#chunk);
    if (this.#waiting.length > 0) return this.#next();
    if (this.#unreported > 0) this.#report();
    return this.#settle();
  }

  /** The device takes nothing: `left` bytes of the chunk, and everything that waits. */
  #fail(left: number): void {
    let behind = this.#chunk.reduce((sum, line) => sum + line.bytes, 0);
    const lost = this.#chunk.filter((line) => {
      behind -= line.bytes;
      return behind < left;
    });
    const waiting = this.#waiting.splice(0);
    this.#forget([...this.#chunk, ...waiting]);
    this.#lose([...lost, ...waiting]);
    this.#settle();
  }

  #forget(lines: readonly Line[]): void {
    for (const { bytes } of lines) this.#bytesWaiting -= bytes;
    this.#chunk = [];
  }

  #lose(lines: readonly Line[]): void {
    for (const { reports, lost } of lines) {
      this.#unreported += reports === 0 ? 1 : reports;
      if (lost !== undefined) lost();
      else if (reports === 0) this.dropped += 1;
    }
    if (this.#retrying) return;
    this.#retrying = true;
    this.later(RETRY_MS, () => {
      this.#retrying = false;
      if (this.#unreported > 0 && !this.#busy) this.#report();
    });
  }

  #report(): void {
    this.#reporting = this.#unreported;
    this.#unreported = 0;
    this.onLoss(this.#reporting);
    this.#reporting = 0;
  }

  #settle(): void {
    if (this.#busy) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}

const NEWLINE = 10;
