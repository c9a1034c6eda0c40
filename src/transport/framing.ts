/** What a message may be framed with, in bytes read, before that is charged for: its head, a few fragments, TLS. */
const FREE_BYTES = 64;
/** What may have been read and not been emitted, besides a message: the request for the upgrade, and one read. */
const SLACK_BYTES = 128 * 1024;
/** Bytes of framing that cost as much as a message. */
const BYTES_A_MESSAGE = 256;
/** Messages from one look at the bytes read to the next. */
const LOOKED_EVERY = 32;

/**
 * Finds out what a peer sends beside its messages, which is fragments: empty ones by the thousand make one message. Owns what
 * the messages so far account for. Invariant: every byte read is accounted for by a message, by the slack, or charged once.
 */
export class Framing {
  #accounted: number;
  #messages = 0;

  constructor(
    private readonly socket: { readonly bytesRead: number },
    maxMessageBytes: number,
  ) {
    this.#accounted = SLACK_BYTES + maxMessageBytes;
  }

  /** A message of `bytes` came. How many messages the framing since the last look is worth: mostly 0. */
  count(bytes: number): number {
    this.#accounted += bytes + FREE_BYTES;
    this.#messages += 1;
    if (this.#messages % LOOKED_EVERY !== 0) return 0;
    const excess = Math.max(0, this.socket.bytesRead - this.#accounted);
    this.#accounted += excess;
    return Math.ceil(excess / BYTES_A_MESSAGE);
  }
}
