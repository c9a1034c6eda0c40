import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { readAtStart } from '../config/settled-files.js';
import { Log, Logs } from '../logging/log.js';
import { Reload } from '../lifecycle/reload.js';
import { CertificateExpiry } from '../metrics/certificate-expiry.js';
import { HttpListener } from './http-listener.js';
import { expiryOf, loadTlsPair, tlsFiles, warningsOf } from './tls.js';
import type { TlsPair } from './tls.js';

/**
 * Owns the certificate of the public listener: reads it before the server listens, and again when its files change.
 * Knows nothing of an application's own listeners.
 * Invariant: the pair in use was valid when it was read.
 */
@Injectable()
export class Certificate implements OnModuleInit {
  private readonly log: Log;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly settings: Settings,
    private readonly reload: Reload,
    private readonly expiry: CertificateExpiry,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.log = logs.for('tls');
  }

  /** Rejects with a StartupError that names the file at fault. */
  async onModuleInit(): Promise<void> {
    const listener: unknown = this.host.httpAdapter;
    const files = tlsFiles(this.settings);
    if (files.length === 0 || !(listener instanceof HttpListener)) return;
    const read = (): TlsPair => loadTlsPair(this.settings)!;
    const use = (pair: TlsPair): { validTo: string } => {
      listener.useTls(pair);
      this.expiry.at = expiryOf(pair);
      this.expiry.warnings = warningsOf(pair, this.clock.now());
      for (const warning of this.expiry.warnings) this.log.warn(warning);
      return { validTo: new Date(this.expiry.at).toISOString() };
    };
    this.reload.watch({ files, read, use, what: 'certificate and key', otherwise: 'keeping the current certificate' });
    const paths = files.map(({ path }) => path);
    use(await readAtStart(paths, this.clock, read));
  }
}
