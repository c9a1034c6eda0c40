import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { orStartupError, StartupError } from '../config/faults.js';
import { readSettingFile } from '../config/setting-file.js';
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
  const cert = readSettingFile('tls-cert', tlsCert);
  const key = readSettingFile('tls-key', tlsKey);

  const certificate = orStartupError(() => new X509Certificate(cert), `tls-cert ${JSON.stringify(tlsCert)}: not a PEM certificate`);
  const privateKey = orStartupError(() => createPrivateKey(key), `tls-key ${JSON.stringify(tlsKey)}: not a PEM private key, or one with a passphrase`);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new StartupError(`tls-key ${JSON.stringify(tlsKey)} does not belong to the certificate in tls-cert ${JSON.stringify(tlsCert)}`);
  }
  orStartupError(() => createSecureContext({ cert, key }), `tls-cert ${JSON.stringify(tlsCert)}: its chain is not usable`);
  return { cert, key };
}
