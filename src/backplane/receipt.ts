import type { Msg } from '@nats-io/transport-node';
import type { Settings } from '../config/settings.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import { canonicalRelayTopic } from '../protocol/canonical-relay.js';
import { isWord, mostWordBytes } from '../protocol/member-words.js';
import type { Deliver, Hear } from './backplane.js';
import { fromOf } from './from-header.js';

/**
 * Bytes by which a canonical Relay may exceed what the peer sent: the names of two fields and the head of a map, which
 * the shortest form leaves out (docs/protocol.md, section 1).
 */
const ROOM_BYTES = 15;

/**
 * Takes what other nodes send to the subjects of topics, and tells relays from words. Owns who takes either. Knows
 * nothing of their content.
 * Invariant: it trusts a message no more than a peer's: anyone who can reach the bus may write to it. What is neither a
 * canonical Relay to the topic nor a word, or is too large, or came late, goes no further than its count.
 */
export class Receipt {
  deliver: Deliver = () => undefined;
  hear: Hear = () => false;
  readonly #mostBytes: number;
  readonly #mostWordBytes: number;

  constructor(
    private readonly nodes: { stale(tag: string): boolean },
    settings: Settings,
    private readonly counts: BackplaneCounts,
  ) {
    this.#mostBytes = settings.maxMessageBytes + ROOM_BYTES;
    this.#mostWordBytes = mostWordBytes(settings);
  }

  take(topic: string, received: Msg): void {
    const { counts } = this;
    const { data, reply = '' } = received;
    const message = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (this.nodes.stale(reply)) {
      counts.dropped.late += 1;
    } else if (message.length <= this.#mostBytes && canonicalRelayTopic(message) === topic) {
      counts.messagesIn += 1;
      counts.bytesIn += message.length;
      this.deliver(topic, message, fromOf(received));
    } else if (isWord(message) && message.length <= this.#mostWordBytes) {
      counts.wordsIn += 1;
      counts.wordBytesIn += message.length;
      if (!this.hear(topic, message)) counts.dropped.malformed += 1;
    } else {
      counts.dropped.malformed += 1;
    }
  }
}
