import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { fileFault, StartupError } from '../config/faults.js';
import type { Settings } from '../config/settings.js';

/** A certificate chain and the key that belongs to it, both PEM. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The pair that the settings name, checked; undefined for plaintext. Throws a StartupError that names the file at fault. */
export function loadTlsPair(settings: Settings): TlsPair | undefined {
  const { tlsCert, tlsKey } = settings;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const cert = read('tls-cert', tlsCert);
  const key = read('tls-key', tlsKey);

  const certificate = attempt(() => new X509Certificate(cert), `tls-cert ${JSON.stringify(tlsCert)}: not a PEM certificate`);
  const privateKey = attempt(() => createPrivateKey(key), `tls-key ${JSON.stringify(tlsKey)}: not a PEM private key, or one with a passphrase`);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new StartupError(`tls-key ${JSON.stringify(tlsKey)} does not belong to the certificate in tls-cert ${JSON.stringify(tlsCert)}`);
  }
  attempt(() => createSecureContext({ cert, key }), `tls-cert ${JSON.stringify(tlsCert)}: its chain is not usable`);
  return { cert, key };
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartupError(`${setting} ${JSON.stringify(path)}: ${fileFault(error)}`);
  }
}

function attempt<T>(work: () => T, fault: string): T {
  try {
    return work();
  } catch {
    throw new StartupError(fault);
  }
}
