import { X509Certificate } from 'node:crypto';
import type { BearerTokens } from './auth/bearer-tokens.js';
import { loadTokens } from './auth/load-tokens.js';
import { FileWatch } from './config/file-watch.js';
import { requireRegularFile } from './config/setting-file.js';
import type { Settings } from './config/settings.js';
import type { Log } from './logging/log.js';
import type { Revocation } from './signaling/revocation.js';
import type { HttpListener } from './transport/http-listener.js';
import { loadTlsPair } from './transport/tls.js';

/** What is renewed. */
export interface Renewable {
  readonly listener: HttpListener;
  readonly tokens: BearerTokens;
  readonly revocation: Revocation;
}

/**
 * Reads the files again that hold certificate, key and tokens: when they change, and when asked to. Owns the watches. Made
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
    const { tlsCert, tlsKey, authTokenFile } = settings;
    this.#watches = [
      ...(tlsCert === undefined || tlsKey === undefined ? [] : [new FileWatch([tlsCert, tlsKey], () => this.#certificate())]),
      ...(authTokenFile === undefined ? [] : [new FileWatch([authTokenFile], () => this.#tokens())]),
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
    if (this.#watches.length === 0) this.log.info('nothing to read again: no certificate and no auth-token-file is set');
  }

  #certificate(): void {
    this.#try('the certificate in use stays', () => {
      requireRegularFile('tls-cert', this.settings.tlsCert!);
      requireRegularFile('tls-key', this.settings.tlsKey!);
      const pair = loadTlsPair(this.settings)!;
      this.#renewable!.listener.renewTls(pair);
      this.log.info('read certificate and key again', { validTo: new X509Certificate(pair.cert).validTo });
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

  #try(otherwise: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.error(`${(error as Error).message}: ${otherwise}`);
    }
  }
}
