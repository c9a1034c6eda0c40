import type { CryptoKey, JSONWebKeySet, JWSHeaderParameters } from 'jose';
import type { Clock } from '../../clock/clock.js';
import { TooLate } from '../../clock/deadline.js';
import { isKeyUrl } from '../../config/values.js';
import type { Log } from '../../logging/log.js';
import { FetchFault, fetchJson } from './fetch-json.js';
import { KeySet, KeySource, KeysUnavailable, KeyUnknown } from './key-source.js';

/** How long keys are used before they are fetched again, in milliseconds like all times here. */
const FRESH_MS = 10 * 60_000;
/**
 * How long keys stay in use while they cannot be fetched again. A key that leaked and was withdrawn is trusted for that
 * much longer.
 */
const KEPT_MS = 24 * 3_600_000;
/**
 * Time from the end of a fetch to the next one while there are keys. Strangers who invent key names must not make us
 * hammer the issuer.
 */
const COOLDOWN_MS = 30_000;
/** The same while there are no keys, and so nobody can connect. */
const COOLDOWN_WITHOUT_KEYS_MS = 5000;
/** How long a fetch may take, including that of the issuer's metadata. No handshake waits for more than one fetch. */
const TIMEOUT_MS = 5000;
const MOST_BYTES = 256 * 1024;
const MOST_KEYS = 100;

export interface RemoteKeysParts {
  /** The issuer, as the claim `iss` has it. */
  readonly issuer: string;
  /** URL of the key set; undefined to find it by OpenID Connect Discovery. */
  readonly url: string | undefined;
  /** Returns what the issuer may sign with, of the key set that was fetched. Throws if it is none. All, by default. */
  readonly own?: (published: unknown) => JSONWebKeySet;
  /** Whether the keys may be fetched over `http:`. */
  readonly plainHttp?: boolean;
  /** Returns the bearer token to show. Read for every fetch. */
  readonly bearer?: (() => string) | undefined;
  readonly clock: Clock;
  readonly log: Log<'auth'>;
  /** Milliseconds that a fetch may take. */
  readonly timeout?: number;
}

/** A token that is being judged, by numbers of fetches. */
interface Judged {
  /** The last one that had begun when the token came. */
  readonly came: number;
  /** The one that brought the keys which the token was last judged by. */
  by: number;
}

/** What Discovery answers, unchecked. */
interface Metadata {
  readonly issuer?: unknown;
  readonly jwks_uri?: unknown;
}

/**
 * Owns the key set of an issuer, fetched over HTTPS and kept, and the fetch under way, which all waiting callers share.
 * Knows nothing of tokens but when they came.
 * Invariant: a fetch does not begin within the cooldown of the last one, so no caller waits for two. A fetch that fails
 * changes nothing. Only a fetch that began after a token came can say that the issuer lacks its key.
 */
export class RemoteKeys extends KeySource {
  #keys: KeySet | undefined;
  #fetchedAt = -Infinity;
  /** When the last fetch began or, once it is over, ended. */
  #triedAt = -Infinity;
  /** Number of fetches that began, and of the last one that succeeded. */
  #begun = 0;
  #succeeded = 0;
  readonly #tokens = new WeakMap<JWSHeaderParameters, Judged>();
  /** Whether the last fetch failed. */
  #failing = false;
  #fetching: Promise<void> | undefined;
  /** Aborts the fetch under way. */
  #abort: ((why: Error) => void) | undefined;
  #closed = false;

  constructor(private readonly parts: RemoteKeysParts) {
    super();
  }

  async candidates(header: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    const token = this.#tokens.get(header) ?? { came: this.#begun, by: 0 };
    this.#tokens.set(header, token);
    if (this.#age > FRESH_MS) {
      const fetched = this.fetch();
      // With keys in hand, wait for newer ones, but not for an issuer that did not answer the last time.
      if (!this.#failing || this.#usable === undefined) await fetched;
    }
    token.by = this.#succeeded;
    const found = await this.#usable?.candidates(header);
    if (found !== undefined && found.length > 0) return found;
    // The issuer may have a new key.
    await this.fetch();
    if (this.#usable === undefined) throw new KeysUnavailable(this.#retryAfter);
    if (this.#failing && this.#mayHaveNewer(header, token)) throw new KeyUnknown(this.#retryAfter);
    token.by = this.#succeeded;
    return this.#usable.candidates(header);
  }

  async renewed(header: JWSHeaderParameters): Promise<boolean> {
    const token = this.#tokens.get(header) ?? { came: this.#begun, by: this.#succeeded };
    if (this.#succeeded === token.by) await this.fetch();
    if (this.#succeeded > token.by) return true;
    if (this.#mayHaveNewer(header, token)) throw new KeyUnknown(this.#retryAfter);
    return false;
  }

  /** Fetches the keys, unless that was tried a moment ago. Never rejects: failures go to the log. */
  fetch(): Promise<void> {
    if (this.#fetching === undefined && this.parts.clock.monotonic() - this.#triedAt < this.#cooldown) {
      return Promise.resolve();
    }
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** Aborts the fetch under way, for good. */
  close(): void {
    this.#closed = true;
    this.#abort?.(new TooLate('the fetch was cancelled'));
  }

  async #fetch(): Promise<void> {
    const { clock, log, issuer } = this.parts;
    this.#triedAt = clock.monotonic();
    const number = ++this.#begun;
    try {
      this.#keys = await this.#read();
      this.#fetchedAt = clock.monotonic();
      this.#succeeded = number;
      if (this.#failing) log.write('issuer_keys_back', { issuer, keys: this.#keys.size });
      else log.write('issuer_keys_fetched', { issuer, keys: this.#keys.size });
      this.#failing = false;
    } catch (error) {
      if (this.#closed) return;
      if (!this.#failing) {
        const keys = this.#usable?.size ?? 0;
        log.write('issuer_keys_unreachable', { issuer, why: this.#why(error), keys });
      }
      this.#failing = true;
    } finally {
      this.#triedAt = clock.monotonic();
    }
  }

  /**
   * Reads the key set within the timeout. Uses a timer of its own: Node 20 may collect the signal that AbortSignal.any
   * makes from AbortSignal.timeout, which then never fires.
   */
  async #read(): Promise<KeySet> {
    const { timeout = TIMEOUT_MS } = this.parts;
    const over = new AbortController();
    this.#abort = (why) => over.abort(why);
    const timer = setTimeout(() => over.abort(new TooLate(`no answer within ${timeout / 1000} s`)), timeout);
    try {
      return await this.#keySet(over.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #keySet(signal: AbortSignal): Promise<KeySet> {
    const { url, own = (published): JSONWebKeySet => published as JSONWebKeySet, bearer } = this.parts;
    const keys = await fetchJson(url ?? (await this.#discover(signal)), MOST_BYTES, signal, bearer?.());
    let set: KeySet;
    try {
      set = new KeySet(own(keys));
    } catch {
      throw new FetchFault('the answer is not a key set');
    }
    if (set.size > MOST_KEYS) throw new FetchFault(`the key set has more than ${MOST_KEYS} keys`);
    return set;
  }

  /**
   * Finds the URL of the key set: OpenID Connect Discovery 1.0, section 4. The metadata must contain the issuer's own
   * name; otherwise another issuer could stand in for it.
   */
  async #discover(signal: AbortSignal): Promise<string> {
    const { issuer, plainHttp, bearer } = this.parts;
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const metadata = (await fetchJson(address, MOST_BYTES, signal, bearer?.())) as Metadata | null;
    if (metadata?.issuer !== issuer) throw new FetchFault('the metadata belongs to another issuer');
    const { jwks_uri: url } = metadata;
    if (typeof url !== 'string' || !isKeyUrl(url, plainHttp)) {
      throw new FetchFault('the metadata does not name an https URL of a key set');
    }
    return url;
  }

  #why(error: unknown): string {
    return error instanceof FetchFault || error instanceof TooLate ? error.message : 'internal error';
  }

  /** Milliseconds since the keys were fetched. */
  get #age(): number {
    return this.parts.clock.monotonic() - this.#fetchedAt;
  }

  get #usable(): KeySet | undefined {
    return this.#age > KEPT_MS ? undefined : this.#keys;
  }

  /** Whether the issuer may have a key for this token that the keys in use lack: they were asked for too early. */
  #mayHaveNewer({ kid }: { readonly kid?: unknown }, { came }: Judged): boolean {
    if (this.#succeeded > came) return false;
    // A key that is there under the token's name for it has judged the token, and no key has a name that is not text.
    return kid === undefined || (typeof kid === 'string' && this.#usable?.has(kid) !== true);
  }

  get #cooldown(): number {
    return this.#usable === undefined ? COOLDOWN_WITHOUT_KEYS_MS : COOLDOWN_MS;
  }

  get #retryAfter(): number {
    return Math.max(1, Math.ceil((this.#triedAt + this.#cooldown - this.parts.clock.monotonic()) / 1000));
  }
}
