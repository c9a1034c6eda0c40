import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { certificatesIn, notACertificate, notAKey } from './certificate-mistakes.js';
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

  const hint = (why: string | undefined): string => (why === undefined ? '' : `: ${why}`);
  const wrong = notACertificate(cert);
  const notOne = `${certNamed}: not a PEM certificate${hint(wrong)}`;
  // X509Certificate takes DER, too, but TLS does not.
  if (wrong !== undefined) throw new StartupError(notOne);
  const certificate = orStartupError(() => new X509Certificate(cert), notOne);
  const wrongKey = notAKey(key);
  const privateKey = orStartupError(
    () => createPrivateKey(key),
    `${keyNamed}: not a PEM private key${wrongKey === undefined ? ', or one with a passphrase' : hint(wrongKey)}`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    const place = certificatesIn(cert).findIndex((one) => one.checkPrivateKey(privateKey));
    if (place > 0) {
      throw new StartupError(
        `${certNamed}: the certificates are in the wrong order: the one of ${keyFile.name} is number ${place + 1}, ` +
          'and must be the first, followed by the intermediate ones (fullchain.pem)',
      );
    }
    throw new StartupError(`${keyNamed} does not belong to the certificate in ${certNamed}`);
  }
  orStartupError(() => createSecureContext({ cert, key }), `${certNamed}: its chain is not usable`);
  return { cert, key };
}
