import { randomBytes } from 'node:crypto';
import { encodeMessage } from '../protocol/message.js';
import { ok, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Ended, howItEnded, Peer } from './peer.js';
import { isRelay, topicFor } from './relay.js';
import { Unanswered } from './subject.js';
import type { Subject } from './subject.js';
import { bytes } from './words.js';

/** Sizes to try until one does not pass, in bytes. The doctor tries nothing beyond the last. */
const LADDER = [1024, 4096, 16_384, 65_536, 262_144, 1_048_576];
/** Size that this server accepts by default, in bytes. Peers rely on it. */
const ENOUGH_BYTES = 65_536;

/** A size that does not pass, and what happened to the message. */
interface TooLarge {
  readonly bytes: number;
  readonly how: string;
}

/** Examines how large a relay may be, to the byte of its WebSocket message, and what happens to a larger one. */
export async function examineLargestMessage(subject: Subject): Promise<Finding> {
  const pair = new Pair(subject);
  try {
    return await measure(pair);
  } finally {
    await pair.close();
  }
}

async function measure(pair: Pair): Promise<Finding> {
  let passes = pair.smallest;
  let tooLarge: TooLarge | undefined;
  for (const size of LADDER.filter((step) => step > pair.smallest)) {
    const how = await pair.carry(size);
    if (how !== undefined) {
      tooLarge = { bytes: size, how };
      break;
    }
    passes = size;
  }
  if (tooLarge === undefined) return ok(`messages of ${bytes(passes)} and more pass`, { bytes: passes, exact: false });

  let hint: number | undefined = passes;
  try {
    while (tooLarge.bytes - passes > 1) {
      hint = figureIn(tooLarge.how, passes, tooLarge.bytes) ?? hint;
      const size = next(passes, tooLarge.bytes, hint);
      const how = await pair.carry(size);
      if (how === undefined) passes = size;
      else tooLarge = { bytes: size, how };
      if (hint !== passes) hint = undefined;
    }
  } catch (error) {
    // Each size that is too large costs a connection, and a proxy may limit those.
    if (!(error instanceof Trouble)) throw error;
    return judge(
      passes,
      tooLarge,
      `between ${bytes(passes)} and ${bytes(tooLarge.bytes)} (not measured more exactly: ${error.found})`,
    );
  }
  return judge(passes, tooLarge, `up to ${bytes(passes)}`);
}

function judge(passes: number, { bytes: size, how }: TooLarge, figure: string): Finding {
  const figures = { bytes: passes, exact: size - passes === 1, beyond: how };
  const found = `messages pass ${figure}; beyond: ${how}`;
  if (passes >= ENOUGH_BYTES) return ok(found, figures);
  return warning(
    found,
    `Peers rely on ${bytes(ENOUGH_BYTES)}: raise max-message-bytes, or the limit of the proxy.`,
    figures,
  );
}

/**
 * The next size to try, between one that passes and one that does not. Most limits are round numbers, or the close
 * reason names them.
 */
function next(passes: number, tooLarge: number, hint: number | undefined): number {
  if (hint === passes) return passes + 1;
  if (hint !== undefined && hint > passes && hint < tooLarge) return hint;
  return Math.floor((passes + tooLarge) / 2);
}

/** A number in a close reason that may be the limit: at least `least`, and below `most`. */
function figureIn(how: string, least: number, most: number): number | undefined {
  return [...how.replace(/^closed with \d+/, '').matchAll(/\d{3,9}/g)]
    .map(([digits]) => Number(digits))
    .find((figure) => figure >= least && figure < most);
}

/** Two connections, one of which relays to the other. If a message ends one, the next message opens it again. */
class Pair {
  readonly #topic: string;
  #sender: Peer | undefined;
  #receiver: Peer | undefined;

  constructor(private readonly subject: Subject) {
    this.#topic = topicFor(subject);
  }

  /** Bytes of a message without a payload: the smallest size. */
  get smallest(): number {
    return encodeMessage({ kind: 'Relay', topic: this.#topic, payload: Buffer.alloc(0) }).length;
  }

  /**
   * Relays a message of `size` bytes. Resolves to undefined when it arrives, and otherwise to what happened to it.
   * Throws Trouble when there is no connection for it.
   */
  async carry(size: number): Promise<string | undefined> {
    if (this.#receiver?.isOpen !== true) {
      this.#receiver = await Peer.connect(this.subject);
      this.#receiver.send({ kind: 'Subscribe', topic: this.#topic });
      await this.#receiver.sync();
    }
    if (this.#sender?.isOpen !== true) this.#sender = await Peer.connect(this.subject);
    const [sender, receiver] = [this.#sender, this.#receiver];
    const { message, payload } = relayOf(this.#topic, size);
    sender.send(message);
    try {
      await receiver.receive(isRelay(this.#topic, payload), 'not delivered', { sender });
      return undefined;
    } catch (error) {
      if (error instanceof Ended) return howItEnded(error.closed);
      if (!(error instanceof Unanswered)) throw error;
      // A late arrival must not count as the next message.
      await this.close();
      return error.found;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#sender?.close(), this.#receiver?.close()]);
  }
}

/**
 * Makes a relay of `size` bytes. A longer payload can need a longer head, so not every size has a payload that fits.
 * Then the message ends with a byte that servers strip (R4).
 */
function relayOf(topic: string, size: number): { message: Buffer; payload: Buffer } {
  const encode = (payload: Buffer): Buffer => encodeMessage({ kind: 'Relay', topic, payload });
  const bare = encode(Buffer.alloc(0)).length;
  const payload = randomBytes(size - bare);
  let message = encode(payload);
  let kept = payload;
  while (message.length > size) {
    kept = payload.subarray(0, kept.length - (message.length - size));
    message = encode(kept);
  }
  return { message: Buffer.concat([message, Buffer.alloc(size - message.length)]), payload: kept };
}
