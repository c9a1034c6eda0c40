import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import type { BackplaneCounts, BackplaneDrop } from '../metrics/backplane-counts.js';
import type { MemberId } from '../protocol/member.js';
import { FROM_HEADER_BYTES, fromHeaders } from './from-header.js';
import type { Questions } from './questions.js';
import type { QuietTopics } from './quiet-topics.js';
import type { RoundTrips } from './round-trips.js';
import type { Subjects } from './subjects.js';

/** Milliseconds after which NATS would have said that nobody got a message. */
export const HEARD_MS = 150;
/** Maximum number of inquiries that are open. */
const MOST_INQUIRIES = 4096;

/**
 * Sends relays, and words of this node, to the other nodes that have a topic. Owns the inquiries that are open. Knows
 * nothing of the content.
 * Invariant: what waits for the bus is bounded. What is not sent for that is dropped and counted.
 */
export class Publisher {
  #inquiries = 0;

  /** `connected` returns the connection while it is up. */
  constructor(
    private readonly subjects: Subjects,
    private readonly quiet: QuietTopics,
    private readonly questions: Questions,
    private readonly trips: RoundTrips,
    private readonly nodes: { readonly tag: string },
    private readonly counts: BackplaneCounts,
    private readonly connected: () => NatsConnection | undefined,
  ) {}

  /** Sends a Relay, unless no other node wants its topic (N13). */
  publish(topic: string, message: Uint8Array, from: MemberId | undefined): void {
    const connection = this.#room(message.length);
    if (connection === undefined) return;
    const way = this.quiet.next(topic);
    if (way === 'skip') return;
    // A Relay of the largest size leaves no room for a header. It matters more than whom it comes from.
    const named = from !== undefined && message.length + FROM_HEADER_BYTES <= mostOf(connection);
    const heard = way === 'send' ? undefined : way;
    if (!this.#send(connection, topic, message, named ? fromHeaders(from) : undefined, heard)) return;
    this.counts.messagesOut += 1;
    this.counts.bytesOut += message.length;
  }

  /** Sends a word; `heard`, if given, is told whether nobody got it. Returns false if it was not sent. */
  tell(topic: string, word: Uint8Array, heard: ((nobody: boolean) => void) | undefined): boolean {
    if (heard !== undefined && this.#inquiries >= MOST_INQUIRIES) return false;
    const connection = this.#room(word.length);
    if (connection === undefined) return false;
    const told = heard === undefined ? undefined : this.#inquiry(heard);
    if (!this.#send(connection, topic, word, undefined, told?.heard)) {
      told?.cancel();
      return false;
    }
    this.counts.wordsOut += 1;
    this.counts.wordBytesOut += word.length;
    return true;
  }

  /** Counts an inquiry until it is heard, or was not sent. */
  #inquiry(heard: (nobody: boolean) => void): { heard: (nobody: boolean) => void; cancel: () => void } {
    this.#inquiries += 1;
    return {
      heard: (nobody) => {
        this.#inquiries -= 1;
        heard(nobody);
      },
      cancel: () => {
        this.#inquiries -= 1;
      },
    };
  }

  /** Returns the connection if a message of this size can be sent; otherwise counts why not. */
  #room(bytes: number): NatsConnection | undefined {
    const connection = this.connected();
    if (connection === undefined) return this.#drop('down');
    if (bytes > mostOf(connection)) return this.#drop('too_large');
    return this.trips.full ? this.#drop('slow') : connection;
  }

  /** Sends a message; `heard` is told whether nobody got it. Returns whether it was sent. */
  #send(
    connection: NatsConnection,
    topic: string,
    message: Uint8Array,
    headers: MsgHdrs | undefined,
    heard: ((nobody: boolean) => void) | undefined,
  ): boolean {
    try {
      // A copy: the client sends it at the end of this turn, and the sender's buffer is reused by then.
      const copy = Buffer.from(message);
      const subject = this.subjects.of(topic);
      const options = { reply: this.nodes.tag, ...(headers && { headers }) };
      if (heard === undefined) connection.publish(subject, copy, options);
      else if (!this.questions.request(subject, copy, HEARD_MS, heard, headers)) heard(false);
    } catch {
      // The connection was closed for good a moment ago, and the link has not noticed yet.
      this.#drop('down');
      return false;
    }
    this.trips.sent(message.length);
    return true;
  }

  #drop(why: BackplaneDrop): undefined {
    this.counts.dropped[why] += 1;
  }
}

/** Maximum number of bytes in a message on the bus. */
function mostOf(connection: NatsConnection): number {
  return connection.info?.max_payload ?? 0;
}
