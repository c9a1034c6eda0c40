import { hex, SignalError, utf8 } from './shared.js';

/** Seconds between two topics of a secret, and how long before and after that both are in use. */
const INTERVAL = 86_400;
const OVERLAP = 2100;
/** Seconds between two looks at the clock: no timer runs while a machine sleeps. */
const LOOK = 300;

/** The topic, and the ids of the sender and of the receiver, if it is for one. */
export type About = readonly (string | undefined)[];

/** The topics of a secret at some time, the current one first, and the seconds until they are others. */
export interface ActiveTopics {
  /** One topic, or two in an overlap. */
  readonly topics: readonly string[];
  /** Seconds until they are others. */
  readonly seconds: number;
}

/**
 * What two peers derive from a secret that they share: the topics on which they meet, which are cairn's own, and the key
 * under which they speak there. Does not know connections. Invariant: what `open` returns was sealed by somebody who
 * knows the secret, for that topic, sender and receiver.
 */
export class Secret {
  readonly #ikm: CryptoKey;
  readonly #key: CryptoKey;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  private constructor(ikm: CryptoKey, key: CryptoKey) {
    this.#ikm = ikm;
    this.#key = key;
  }

  /** Rejects with `weak_secret` below 16 bytes. */
  static async of(secret: BufferSource): Promise<Secret> {
    if (!(secret.byteLength >= 16)) {
      throw new SignalError('weak_secret', 'A secret needs 128 random bits. For a PIN or a password, use a PAKE.');
    }
    const { subtle } = crypto;
    const ikm = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits', 'deriveKey']);
    const key = hkdf('cairn-signal-payload-v1');
    return new Secret(
      ikm,
      await subtle.deriveKey(key, ikm, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']),
    );
  }

  /** The topics at a Unix time in seconds. */
  async topics(at: number): Promise<ActiveTopics> {
    const offset = new DataView(await crypto.subtle.deriveBits(hkdf('cairn-epoch-offset-v1'), this.#ikm, 64));
    const adjusted = BigInt.asUintN(64, BigInt(Math.floor(at)) + offset.getBigUint64(0));
    const epoch = adjusted / BigInt(INTERVAL);
    const position = Number(adjusted % BigInt(INTERVAL));
    const epochs = [epoch];
    let end = INTERVAL - OVERLAP + 1;
    if (position < OVERLAP) {
      epochs.push(epoch - 1n);
      end = OVERLAP;
    } else if (position >= end) {
      epochs.push(epoch + 1n);
      end = INTERVAL;
    }
    const topic = async (of: bigint): Promise<string> => {
      const salt = new DataView(new ArrayBuffer(8));
      salt.setBigUint64(0, of);
      return hex(new Uint8Array(await crypto.subtle.deriveBits(hkdf('cairn-rendezvous-v1', salt), this.#ikm, 256)));
    };
    return { topics: await Promise.all(epochs.map(topic)), seconds: end - position };
  }

  /** Tells the topics of now, and whenever they change, until `stop`. */
  async follow(tell: (topics: readonly string[]) => void): Promise<void> {
    const { topics, seconds } = await this.topics(Date.now() / 1000);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.follow(tell).catch(() => {}), Math.min(seconds, LOOK) * 1000);
    tell(topics);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Encrypts, for somebody who knows the topic and both ids. */
  async seal(content: Uint8Array, about: About): Promise<Uint8Array<ArrayBuffer>> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt(gcm(iv, about), this.#key, content as BufferSource);
    return new Uint8Array([...iv, ...new Uint8Array(sealed)]);
  }

  /** Rejects unless it was sealed with this very secret, and about the same. */
  async open(sealed: Uint8Array, about: About): Promise<Uint8Array<ArrayBuffer>> {
    const [iv, content] = [sealed.slice(0, 12), sealed.slice(12)];
    return new Uint8Array(await crypto.subtle.decrypt(gcm(iv, about), this.#key, content));
  }
}

const hkdf = (info: string, salt: BufferSource = new Uint8Array()): HkdfParams => ({
  name: 'HKDF',
  hash: 'SHA-256',
  salt,
  info: utf8(info),
});

const gcm = (iv: Uint8Array<ArrayBuffer>, about: About): AesGcmParams => ({
  name: 'AES-GCM',
  iv,
  additionalData: utf8(about.join('\n')),
});
