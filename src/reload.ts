import type { BearerTokens } from './auth/bearer-tokens.js';
import { loadTokens } from './auth/load-tokens.js';
import type { TokenVerifier } from './auth/token-verifier.js';
import { FileWatch } from './config/file-watch.js';
import { requireRegularFile } from './config/setting-file.js';
import type { Settings } from './config/settings.js';
import type { Log } from './logging/log.js';
import type { CertificateExpiry } from './metrics/certificate-expiry.js';
import type { Revocation } from './signaling/revocation.js';
import type { HttpListener } from './transport/http-listener.js';
import { expiryOf, loadTlsPair } from './transport/tls.js';

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
 * Invariant: what is in use was valid when it was read; a file that cannot be used changes nothing.
 */
export class Reload {
  readonly #watches: readonly FileWatch[];
  #renewable: Renewable | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly log: Log,
  ) {
    const { tlsCert, tlsKey, tlsClientCa, authTokenFile, jwtPublicKey } = settings;
    this.#watches = [
      ...(tlsCert === undefined || tlsKey === undefined ? [] : [new FileWatch([tlsCert, tlsKey, ...(tlsClientCa === undefined ? [] : [tlsClientCa])], () => this.#certificate())]),
      ...(authTokenFile === undefined ? [] : [new FileWatch([authTokenFile], () => this.#tokens())]),
      ...(jwtPublicKey === undefined ? [] : [new FileWatch([jwtPublicKey], () => this.#publicKeys())]),
    ];
  }

  start(renewable: Renewable): void {
    this.#renewable = renewable;
    for (const watch of this.#watches) watch.start();
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }

  /** Reads everything again. Never throws: what cannot be used is in the log. */
  all(): void {
    if (this.settings.tlsCert !== undefined) this.#certificate();
    if (this.settings.authTokenFile !== undefined) this.#tokens();
    if (this.settings.jwtPublicKey !== undefined) this.#publicKeys();
    if (this.#watches.length === 0) this.log.info('nothing to read again: no certificate, auth-token-file or jwt-public-key is set');
  }

  #certificate(): void {
    this.#try('the certificate in use stays', () => {
      requireRegularFile('tls-cert', this.settings.tlsCert!);
      requireRegularFile('tls-key', this.settings.tlsKey!);
      if (this.settings.tlsClientCa !== undefined) requireRegularFile('tls-client-ca', this.settings.tlsClientCa);
      const pair = loadTlsPair(this.settings)!;
      const { listener, expiry } = this.#renewable!;
      listener!.renewTls(pair);
      expiry.at = expiryOf(pair);
      this.log.info('read certificate and key again', { validTo: new Date(expiry.at).toISOString() });
    });
  }

  #tokens(): void {
    this.#try('the tokens in use stay', () => {
      requireRegularFile('auth-token-file', this.settings.authTokenFile!);
      const changes = this.#renewable!.tokens.replace(loadTokens(this.settings));
      this.log.info('read auth-token-file again', changes);
      this.#renewable!.revocation.enforce();
    });
  }

  #publicKeys(): void {
    this.#try('the keys in use stay', () => {
      requireRegularFile('jwt-public-key', this.settings.jwtPublicKey!);
      this.log.info('read jwt-public-key again', { keys: this.#renewable!.verifier.readKeysAgain() });
    });
  }

  #try(otherwise: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.error(`${(error as Error).message}: ${otherwise}`);
    }
  }
}
