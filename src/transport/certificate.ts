import type { Server as TlsServer } from 'node:tls';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ClientAuthorities } from '../auth/certificates/client-authorities.js';
import type { ClientTrust } from '../auth/certificates/client-trust.js';
import { clientTrustFiles, loadClientTrust } from '../auth/certificates/load-client-trust.js';
import { Clock } from '../clock/clock.js';
import { inTurns } from '../clock/in-turns.js';
import type { CertificatePair } from '../config/certificate-pair.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { Reload } from '../lifecycle/reload.js';
import type { FilesInUse, ReloadedFields } from '../lifecycle/reload.js';
import { CertificateExpiry } from '../metrics/certificate-expiry.js';
import { HttpListener } from './http-listener.js';
import { expiryOf, loadTlsPair, tlsFiles, warningsOf } from './tls.js';

/**
 * Owns the certificate of the public listener, and hands it and the authorities of client certificates to those who use
 * them: before the server listens, and again when their files change. Knows nothing of an application's own listeners.
 * Invariant: what is in use was valid when it was read. A fault in the files of one of the two does not hold up the
 * other.
 */
@Injectable()
export class Certificate implements OnModuleInit {
  private readonly log: Log<'tls'>;
  #pair: CertificatePair | undefined;
  #trust: ClientTrust | undefined;
  readonly #warnings: { own: readonly string[]; ofClients: readonly string[] } = { own: [], ofClients: [] };

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly settings: Settings,
    private readonly reload: Reload,
    private readonly expiry: CertificateExpiry,
    private readonly authorities: ClientAuthorities,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.log = logs.for('tls');
  }

  /** Rejects with a StartupError that names the file at fault. */
  async onModuleInit(): Promise<void> {
    const listener: unknown = this.host.httpAdapter;
    if (tlsFiles(this.settings).length === 0 || !(listener instanceof HttpListener)) return;
    (listener.getHttpServer() as TlsServer).on('secureConnection', (socket) => this.authorities.shaken(socket));
    const own: FilesInUse<CertificatePair> = {
      files: tlsFiles(this.settings),
      read: () => loadTlsPair(this.settings)!,
      use: (pair) => this.#usePair(pair, listener),
      what: 'certificate and key',
      otherwise: 'keeping the current certificate',
    };
    const ofClients: FilesInUse<ClientTrust | undefined> = {
      files: clientTrustFiles(this.settings),
      read: () => inTurns(loadClientTrust(this.settings, this.clock.now())),
      use: (trust) => this.#useTrust(trust!, listener),
      what: 'client authorities',
      otherwise: 'keeping the current client authorities',
    };
    const [pair, trust] = await Promise.all([
      this.reload.readAndWatch([own], () => own.read()),
      this.reload.readAndWatch([ofClients], () => ofClients.read()),
    ]);
    own.use(pair);
    if (trust !== undefined) ofClients.use(trust);
  }

  #usePair(pair: CertificatePair, listener: HttpListener): ReloadedFields {
    this.#pair = pair;
    listener.useTls(pair, this.#trust?.pem);
    this.expiry.at = expiryOf(pair);
    this.#warn('own', warningsOf(pair, this.clock.now()));
    return { validTo: new Date(this.expiry.at).toISOString() };
  }

  #useTrust(trust: ClientTrust, listener: HttpListener): ReloadedFields {
    this.#trust = trust;
    listener.useTls(this.#pair!, trust.pem);
    this.authorities.use(trust);
    this.expiry.listsAt = trust.listsExpireAt;
    this.#warn('ofClients', trust.warnings(this.clock.now()));
    return { authorities: trust.authorities.length, lists: trust.lists.length, revoked: trust.revoked };
  }

  #warn(which: 'own' | 'ofClients', warnings: readonly string[]): void {
    this.#warnings[which] = warnings;
    this.expiry.warnings = [...this.#warnings.own, ...this.#warnings.ofClients];
    for (const warning of warnings) this.log.write('certificate_warning', {}, { warning });
  }
}
