import { createHash } from 'node:crypto';

/** Maximum number of subjects remembered. */
const REMEMBERED = 4096;
/**
 * Maximum number of characters in a topic whose subject is remembered; cairn's topics have 64. A peer can relay to a
 * topic that is as long as a message, and 4,096 of those would be 256 MB.
 */
const LONGEST_REMEMBERED = 256;

/**
 * Turns topics into NATS subjects. A subject holds a hash, since a topic may contain dots, wildcards and spaces, and is
 * nobody's business on the bus. Owns the subjects computed last, 4 MB at most. Knows nothing of messages.
 * Invariant: a topic has the same subject on every node with the same prefix.
 */
export class Subjects {
  readonly #of = new Map<string, string>();

  /** `prefix` is one or more tokens of a subject, joined by dots. `kind` is the next token. */
  constructor(
    private readonly prefix: string,
    private readonly kind: 'topic' | 'records' | 'alone',
  ) {}

  of(topic: string): string {
    const known = this.#of.get(topic);
    if (known !== undefined) return known;
    const subject = `${this.prefix}.${this.kind}.${createHash('sha256').update(topic).digest('base64url')}`;
    if (topic.length > LONGEST_REMEMBERED) return subject;
    // Forget the oldest. If its topic is still in use, the subject is computed again.
    if (this.#of.size >= REMEMBERED) this.#of.delete(this.#of.keys().next().value!);
    this.#of.set(topic, subject);
    return subject;
  }
}
