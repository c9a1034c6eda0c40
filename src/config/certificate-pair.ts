import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { orStartupError, StartupError } from './faults.js';
import { readSettingFile } from './setting-file.js';
import type { SettingFile } from './setting-file.js';
import { shownPath } from './shown-path.js';

/** A certificate chain and the key that belongs to it, both PEM. */
export interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads and checks the pair in two files. Throws a StartupError that names the file at fault. */
export function readCertificatePair(certFile: SettingFile, keyFile: SettingFile): CertificatePair {
  const cert = readSettingFile(certFile.name, certFile.path);
  const key = readSettingFile(keyFile.name, keyFile.path);
  const [certNamed, keyNamed] = [certFile, keyFile].map(({ name, path }) => `${name} ${shownPath(path)}`);

  const certificate = orStartupError(() => new X509Certificate(cert), `${certNamed}: not a PEM certificate`);
  const privateKey = orStartupError(
    () => createPrivateKey(key),
    `${keyNamed}: not a PEM private key, or one with a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new StartupError(`${keyNamed} does not belong to the certificate in ${certNamed}`);
  }
  orStartupError(() => createSecureContext({ cert, key }), `${certNamed}: its chain is not usable`);
  return { cert, key };
}
