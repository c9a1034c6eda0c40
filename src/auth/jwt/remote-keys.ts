import type { CryptoKey, JSONWebKeySet, JWSHeaderParameters } from 'jose';
import type { Clock } from '../../clock/clock.js';
import { TooLate } from '../../clock/deadline.js';
import { isKeyUrl } from '../../config/values.js';
import type { Log } from '../../logging/log.js';
import { FetchFault, fetchJson } from './fetch-json.js';
import { KeySet, KeySource, KeysUnavailable } from './key-source.js';

/** How long keys are used without asking whether they have changed. */
const FRESH_MS = 10 * 60_000;
/** How long keys are used while they cannot be fetched again: a key that leaked and was withdrawn is trusted that much longer. */
const KEPT_MS = 24 * 3_600_000;
/** Between two fetches while there are keys: strangers who make up names of keys must not have us hammer the issuer. */
const COOLDOWN_MS = 30_000;
/** Between two fetches while there are none, so that nobody can connect. */
const COOLDOWN_WITHOUT_KEYS_MS = 5000;
/** How long a fetch may take, the way over the issuer's metadata included. */
const TIMEOUT_MS = 5000;
const MOST_BYTES = 256 * 1024;
const MOST_KEYS = 100;

export interface RemoteKeysParts {
  /** As in the claim `iss`. */
  readonly issuer: string;
  /** Where the key set is; undefined to find it by OpenID Connect Discovery. */
  readonly url: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds that a fetch may take. */
  readonly timeout?: number;
}

/**
 * The key set of an issuer, fetched over HTTPS and kept. Owns the fetch under way, which all who wait share.
 * Invariant: fetches do not begin within the cooldown of each other; what cannot be fetched or used changes nothing.
 */
export class RemoteKeys extends KeySource {
  #keys: KeySet | undefined;
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  /** Whether the last fetch failed. */
  #failing = false;
  #fetching: Promise<void> | undefined;
  /** Gives up the fetch under way. */
  #abort: ((why: Error) => void) | undefined;
  #closed = false;

  constructor(private readonly parts: RemoteKeysParts) {
    super();
  }

  async candidates(header: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    if (this.#age > FRESH_MS) {
      const fetched = this.fetch();
      // Who has keys waits for newer ones, but not for an issuer that did not answer the last time.
      if (!this.#failing || this.#usable === undefined) await fetched;
    }
    const found = await this.#usable?.candidates(header);
    if (found !== undefined && found.length > 0) return found;
    // It may be a new key.
    await this.fetch();
    if (this.#failing || this.#usable === undefined) throw new KeysUnavailable(this.#retryAfter);
    return this.#usable.candidates(header);
  }

  async renewed(): Promise<boolean> {
    const before = this.#fetchedAt;
    await this.fetch();
    return this.#fetchedAt > before;
  }

  /** Fetches the keys, unless that was tried a moment ago. Never rejects: what goes wrong is in the log. */
  fetch(): Promise<void> {
    if (this.#fetching === undefined && this.parts.clock.monotonic() - this.#triedAt < this.#cooldown) {
      return Promise.resolve();
    }
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closed = true;
    this.#abort?.(new TooLate('nobody waits for it any more'));
  }

  async #fetch(): Promise<void> {
    const { clock, log, issuer } = this.parts;
    this.#triedAt = clock.monotonic();
    try {
      this.#keys = await this.#read();
      this.#fetchedAt = clock.monotonic();
      if (this.#failing) log.info('the keys of a JWT issuer can be fetched again', { issuer, keys: this.#keys.size });
      else log.debug('fetched the keys of a JWT issuer', { issuer, keys: this.#keys.size });
      this.#failing = false;
    } catch (error) {
      if (this.#closed) return;
      if (!this.#failing) {
        log.warn('the keys of a JWT issuer cannot be fetched', {
          issuer,
          why: this.#why(error),
          keys: this.#usable?.size ?? 0,
        });
      }
      this.#failing = true;
    }
  }

  /** By a timer of its own: Node 20 may collect what AbortSignal.any makes of AbortSignal.timeout, which then never fires. */
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
    const { url } = this.parts;
    const keys = await fetchJson(url ?? (await this.#discover(signal)), MOST_BYTES, signal);
    let set: KeySet;
    try {
      set = new KeySet(keys as JSONWebKeySet);
    } catch {
      throw new FetchFault('what was answered is no key set');
    }
    if (set.size > MOST_KEYS) throw new FetchFault(`there are more than ${MOST_KEYS} keys in it`);
    return set;
  }

  /** OpenID Connect Discovery 1.0, section 4. The issuer's name must be in it: else somebody else could be asked in its name. */
  async #discover(signal: AbortSignal): Promise<string> {
    const { issuer } = this.parts;
    const metadata = (await fetchJson(
      `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      MOST_BYTES,
      signal,
    )) as { issuer?: unknown; jwks_uri?: unknown } | null;
    if (metadata?.issuer !== issuer) throw new FetchFault('the metadata are of another issuer');
    const { jwks_uri: url } = metadata;
    if (typeof url !== 'string' || !isKeyUrl(url)) {
      throw new FetchFault('the metadata name no https address of a key set');
    }
    return url;
  }

  #why(error: unknown): string {
    return error instanceof FetchFault || error instanceof TooLate ? error.message : 'a fault of ours';
  }

  /** Milliseconds since the keys were fetched. */
  get #age(): number {
    return this.parts.clock.monotonic() - this.#fetchedAt;
  }

  get #usable(): KeySet | undefined {
    return this.#age > KEPT_MS ? undefined : this.#keys;
  }

  get #cooldown(): number {
    return this.#usable === undefined ? COOLDOWN_WITHOUT_KEYS_MS : COOLDOWN_MS;
  }

  get #retryAfter(): number {
    return Math.max(1, Math.ceil((this.#triedAt + this.#cooldown - this.parts.clock.monotonic()) / 1000));
  }
}
