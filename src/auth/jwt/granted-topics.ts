import { hash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { GrantedTopics } from '../../connection/connection.js';
import { kindOf, typeMistake, UNUSABLE } from './claim-mistakes.js';

/** Maximum number of topics in the claims `topics` and `topics_sha256` together. */
export const MOST_TOPICS = 1024;

/**
 * Bytes of a digest in `topics_sha256`. Of the 32 bytes of SHA-256, 16 are enough: whoever wants to use a topic that a
 * token does not grant needs that very topic to have a digest that the token has, which is as likely as guessing 128
 * bits. Two topics with the same digest can be made in 2^64 tries, but nobody else uses either of them.
 */
const DIGEST_BYTES = 16;
/** Characters of one of cairn's topics. */
const TOPIC_CHARACTERS = 64;
/** Characters of a digest in base64url, without padding. The last one has only two bits. */
const DIGEST_CHARACTERS = 22;
const DIGEST = /^[\w-]{21}[AQgw]$/;

/**
 * Longest topic, in characters, that a grant can name by its digest: the most that `max-topic-bytes` may be. A longer
 * one is not digested, since nobody can be subscribed to it.
 */
const MOST_CHARACTERS = 4096;

/**
 * Returns the digest of a topic, as the claim `topics_sha256` has it: the first 16 bytes of the SHA-256 of its UTF-8, in
 * base64url without padding (RFC 4648, section 5). 22 characters.
 */
export function grantedDigest(topic: string): string {
  return hash('sha256', topic, 'buffer').toString('base64url', 0, DIGEST_BYTES);
}

/** A claim about topics that cannot be used. Its message is a sentence for the peer. */
export class TopicsMistake extends Error {}

/**
 * Reads the claims `topics` and `topics_sha256` (A6, A12). Returns the topics that either of them names; undefined for
 * all topics, if a token has neither. Throws a TopicsMistake.
 */
export function grantedTopics({ topics, topics_sha256: digests, topics_url: url }: JWTPayload): TopicList | undefined {
  // A token that says where its topics are restricts its bearer. Without them, it would not.
  if (url !== undefined) {
    throw new TopicsMistake(`${UNUSABLE}it has the claim topics_url. This server reads topics and topics_sha256 only.`);
  }
  if (topics === undefined && digests === undefined) return undefined;
  const named = textsIn('topics', topics, 'topics');
  const digested = textsIn('topics_sha256', digests, 'digests of topics');
  if (named.length + digested.length > MOST_TOPICS) {
    throw new TopicsMistake(
      `${UNUSABLE}it has more than ${MOST_TOPICS} topics. ` +
        `At most ${MOST_TOPICS} fit into the claims topics and topics_sha256 together.`,
    );
  }
  const wrong = digested.findIndex((digest) => !DIGEST.test(digest));
  if (wrong !== -1) {
    throw new TopicsMistake(
      `${UNUSABLE}entry ${wrong + 1} of the claim topics_sha256 is not a digest. ` +
        `It must have ${DIGEST_CHARACTERS} characters: the first ${DIGEST_BYTES} bytes of the SHA-256 of a topic, ` +
        'in base64url without padding.',
    );
  }
  return new TopicList(named, digested);
}

function textsIn(claim: string, value: unknown, what: string): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new TopicsMistake(typeMistake(claim, value, `a list of at most ${MOST_TOPICS} ${what}`));
  }
  const wrong = value.findIndex((entry) => typeof entry !== 'string');
  if (wrong === -1) return value as string[];
  throw new TopicsMistake(
    `${UNUSABLE}entry ${wrong + 1} of the claim ${claim} is ${kindOf(value[wrong])}. Every entry must be text.`,
  );
}

/**
 * The topics that a JWT names literally or by their digests. Owns both lists. Knows nothing of connections.
 * Invariant: a topic that is not in either list is not granted. There are at most MOST_TOPICS.
 */
export class TopicList implements GrantedTopics {
  readonly #named: ReadonlySet<string>;
  readonly #digests: ReadonlySet<string>;
  readonly bytes: number;
  /** The topic that was digested last, and the answer: a peer says many things on one topic. */
  #last = '';
  #lastGranted: boolean;

  constructor(named: readonly string[], digests: readonly string[]) {
    this.#named = new Set(named);
    this.#digests = new Set(digests);
    this.bytes = bytesOf(this.#named) + bytesOf(this.#digests);
    this.#lastGranted = this.#grants('');
  }

  has(topic: string): boolean {
    if (this.#named.has(topic)) return true;
    if (this.#digests.size === 0 || topic.length > MOST_CHARACTERS) return false;
    // Half a surrogate pair has no UTF-8: every one would have the digest of U+FFFD.
    if (!topic.isWellFormed()) return false;
    if (topic !== this.#last) {
      this.#last = topic;
      this.#lastGranted = this.#grants(topic);
    }
    return this.#lastGranted;
  }

  #grants(topic: string): boolean {
    return this.#digests.has(grantedDigest(topic));
  }
}

/**
 * Memory for texts, in bytes, as V8 holds them: 16 and the characters of each, up to 40 for it in the set, and 8 in the
 * list of the claims.
 */
function bytesOf(texts: ReadonlySet<string>): number {
  let bytes = 0;
  for (const text of texts) bytes += 64 + (isLatin1(text) ? 1 : 2) * text.length;
  return bytes;
}

function isLatin1(text: string): boolean {
  return /^[\0-\xff]*$/.test(text);
}

/**
 * Returns how many of cairn's topics, and how many digests, fit into a JWT of that many characters whose header,
 * signature and other claims have as many as those of `token`, or 300 bytes where that is not known.
 */
export function topicsThatFit(
  token: string,
  characters: number,
): { readonly topics: number; readonly digests: number } {
  const claimsAt = token.indexOf('.') + 1;
  const signatureAt = token.lastIndexOf('.');
  const around = claimsAt + token.length - signatureAt;
  const bytes = Math.floor(((characters - around) * 3) / 4) - OTHER_CLAIMS_BYTES;
  // Each in quotes, with a comma.
  const fit = (each: number): number => Math.min(MOST_TOPICS, Math.max(0, Math.floor(bytes / (each + 3))));
  return { topics: fit(TOPIC_CHARACTERS), digests: fit(DIGEST_CHARACTERS) };
}

/** Bytes for the claims that say who the bearer is, and until when. */
const OTHER_CLAIMS_BYTES = 300;
