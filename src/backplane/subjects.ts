import { createHash } from 'node:crypto';

/** Subjects remembered, of topics of at most so many characters: cairn's have 64. Peers can relay to a topic as long as a message, and 4,096 of those would be 256 MB. */
const REMEMBERED = 4096;
const LONGEST_REMEMBERED = 256;

/**
 * Under which subject a topic's messages travel: a hash, since a topic may hold dots, wildcards and spaces, and is nobody's
 * business on the bus. Owns the subjects computed last: 4 MB at most. Invariant: the same on every node with the same prefix.
 */
export class Subjects {
  readonly #of = new Map<string, string>();

  /** `prefix` is one or more tokens of a subject, by dots; `kind` one more, for what is said there. */
  constructor(
    private readonly prefix: string,
    private readonly kind: 'topic' | 'records',
  ) {}

  of(topic: string): string {
    const known = this.#of.get(topic);
    if (known !== undefined) return known;
    const subject = `${this.prefix}.${this.kind}.${createHash('sha256').update(topic).digest('base64url')}`;
    if (topic.length > LONGEST_REMEMBERED) return subject;
    // The one known for longest goes; a topic in use is computed again.
    if (this.#of.size >= REMEMBERED) this.#of.delete(this.#of.keys().next().value!);
    this.#of.set(topic, subject);
    return subject;
  }
}
