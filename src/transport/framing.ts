/** Bytes of framing that each message may have for free: its head, a few fragments, TLS. */
const FREE_BYTES = 64;
/**
 * Bytes that may have been read besides messages: the upgrade request, and one read whose messages are not delivered
 * yet.
 */
const SLACK_BYTES = 128 * 1024;
/** Bytes of framing that cost as much as one message. */
const BYTES_PER_MESSAGE = 256;
/** Number of messages between two looks at the bytes read. */
const CHECK_EVERY = 32;

/**
 * Finds out how much a peer sends besides its messages, such as thousands of empty fragments that make one message.
 * Owns the number of bytes accounted for so far. Knows nothing of rates.
 * Invariant: every byte read is part of a message, part of the slack, or charged once.
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

  /** Counts a message of `bytes`. Returns how many messages the framing since the last look is worth: usually 0. */
  count(bytes: number): number {
    this.#accounted += bytes + FREE_BYTES;
    this.#messages += 1;
    if (this.#messages % CHECK_EVERY !== 0) return 0;
    const excess = Math.max(0, this.socket.bytesRead - this.#accounted);
    this.#accounted += excess;
    return Math.ceil(excess / BYTES_PER_MESSAGE);
  }
}
