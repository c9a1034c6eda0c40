import type { BearerTokens, ConfiguredToken } from './auth/bearer-tokens.js';
import { loadTokens } from './auth/load-tokens.js';
import type { TokenVerifier } from './auth/token-verifier.js';
import type { Clock } from './clock/clock.js';
import { FileWatch } from './config/file-watch.js';
import { requireRegularFile } from './config/setting-file.js';
import type { Settings } from './config/settings.js';
import { readAgain } from './config/settled-files.js';
import type { Log } from './logging/log.js';
import type { CertificateExpiry } from './metrics/certificate-expiry.js';
import type { Revocation } from './signaling/revocation.js';
import type { HttpListener } from './transport/http-listener.js';
import { expiryOf, loadTlsPair, tlsFiles } from './transport/tls.js';
import type { TlsPair } from './transport/tls.js';

/** What is renewed. */
export interface Renewable {
  /** Undefined in an application that has listeners of its own. */
  readonly listener: HttpListener | undefined;
  readonly expiry: CertificateExpiry;
  readonly tokens: BearerTokens;
  readonly verifier: TokenVerifier;
  readonly revocation: Revocation;
}

/**
 * Reads the files again that hold certificate, key, tokens and keys of JWTs: when they change, and when asked to. Owns the watches. Made
 * before the files are read for the first time, so that no change goes unseen. Knows nothing of peers.
 * Invariant: what is in use was valid when it was read, and had not changed for a while; a file that cannot be used changes nothing.
 */
export class Reload {
  readonly #watches: readonly FileWatch[];
  readonly #over = new AbortController();
  /** What is being read just now, by what is told where it cannot be used. */
  readonly #reading = new Map<string, Promise<void>>();
  #renewable: Renewable | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    const { authTokenFile, jwtPublicKey } = settings;
    const tls = tlsFiles(settings);
    this.#watches = [
      ...(tls.length === 0 ? [] : [new FileWatch(tls, () => void this.#certificate())]),
      ...(authTokenFile === undefined ? [] : [new FileWatch([authTokenFile], () => void this.#tokens())]),
      ...(jwtPublicKey === undefined ? [] : [new FileWatch([jwtPublicKey], () => void this.#publicKeys())]),
    ];
  }

  start(renewable: Renewable): void {
    this.#renewable = renewable;
    for (const watch of this.#watches) watch.start();
  }

  stop(): void {
    this.#over.abort();
    for (const watch of this.#watches) watch.stop();
  }

  /** Reads everything again; fulfilled when that is done. Never rejects: what cannot be used is in the log. */
  async all(): Promise<void> {
    if (this.#watches.length === 0) {
      this.log.info('nothing to read again: no certificate, auth-token-file or jwt-public-key is set');
    }
    const { tlsCert, authTokenFile, jwtPublicKey } = this.settings;
    await Promise.all([
      tlsCert !== undefined && this.#certificate(),
      authTokenFile !== undefined && this.#tokens(),
      jwtPublicKey !== undefined && this.#publicKeys(),
    ]);
  }

  #certificate(): Promise<void> {
    const { tlsCert, tlsKey, tlsClientCa } = this.settings;
    const read = (): TlsPair => {
      requireRegularFile('tls-cert', tlsCert!);
      requireRegularFile('tls-key', tlsKey!);
      if (tlsClientCa !== undefined) requireRegularFile('tls-client-ca', tlsClientCa);
      return loadTlsPair(this.settings)!;
    };
    return this.#renew('the certificate in use stays', tlsFiles(this.settings), read, (pair) => {
      const { listener, expiry } = this.#renewable!;
      listener!.renewTls(pair);
      expiry.at = expiryOf(pair);
      this.log.info('read certificate and key again', { validTo: new Date(expiry.at).toISOString() });
    });
  }

  #tokens(): Promise<void> {
    const path = this.settings.authTokenFile!;
    const read = (): ConfiguredToken[] => {
      requireRegularFile('auth-token-file', path);
      return loadTokens(this.settings);
    };
    return this.#renew('the tokens in use stay', [path], read, (tokens) => {
      this.log.info('read auth-token-file again', this.#renewable!.tokens.replace(tokens));
      this.#renewable!.revocation.enforce();
    });
  }

  #publicKeys(): Promise<void> {
    const path = this.settings.jwtPublicKey!;
    const read = (): number => {
      requireRegularFile('jwt-public-key', path);
      return this.#renewable!.verifier.readKeysAgain();
    };
    return this.#renew('the keys in use stay', [path], read, (keys) =>
      this.log.info('read jwt-public-key again', { keys }),
    );
  }

  /** Has files taken into use once they have settled. Who asks meanwhile gets the same, which is the newest then. */
  #renew<T>(otherwise: string, paths: readonly string[], read: () => T, use: (read: T) => void): Promise<void> {
    const reading = this.#reading.get(otherwise);
    if (reading !== undefined) return reading;
    const work = readAgain(paths, this.clock, read, this.#over.signal)
      .then((done) => {
        if (done !== undefined && !this.#over.signal.aborted) use(done.read);
      })
      .catch((error: unknown) => this.log.error(`${(error as Error).message}: ${otherwise}`))
      .finally(() => this.#reading.delete(otherwise));
    this.#reading.set(otherwise, work);
    return work;
  }
}
