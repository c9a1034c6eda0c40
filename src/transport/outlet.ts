import type { Writable } from 'node:stream';
import type { Outbox } from './outbox.js';
import type { Writer } from './write-batch.js';

/** The connection that an outlet belongs to. */
export interface Sender {
  /** Whether more may be written to its socket. */
  readonly open: boolean;
  /** Reports how many bytes of memory wait for the peer; 0 when nothing waits any more. */
  lags(bytes: number): void;
}

/**
 * The state that WriteBatch keeps for one socket: the frames of this batch and, if the peer lags, what waits for it.
 * Owns nothing else.
 */
export class Outlet implements Writer {
  next: Writer | undefined;
  held: Buffer | undefined;
  heldBytes = 0;
  earlier: Buffer[] | undefined;
  unflushed = 0;
  outbox: Outbox | undefined;

  constructor(
    readonly socket: Writable,
    private readonly sender: Sender,
  ) {}

  get open(): boolean {
    return this.sender.open;
  }

  /** Bytes of memory that were sent and have not left yet. */
  get waiting(): number {
    return this.unflushed + (this.outbox?.held ?? 0);
  }

  wrote(): void {
    this.outbox?.wrote();
  }

  lags(bytes: number): void {
    if (bytes === 0) this.outbox = undefined;
    this.sender.lags(bytes);
  }
}
