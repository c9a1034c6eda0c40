import { X509Certificate } from 'node:crypto';
import { mistakesInChain } from '../config/certificate-mistakes.js';
import { readCertificatePair } from '../config/certificate-pair.js';
import type { CertificatePair } from '../config/certificate-pair.js';
import type { SettingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';

/** Returns when the first certificate of the chain expires, in milliseconds since the epoch. */
export function expiryOf({ cert }: CertificatePair): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

/** Returns what peers will find wrong with a usable pair, one sentence each that names the setting. */
export function warningsOf({ cert }: CertificatePair, now: number): string[] {
  return mistakesInChain(cert, now).map((mistake) => `tls-cert: ${mistake}`);
}

/** Returns the files of a complete pair; none for plaintext. */
export function tlsFiles({ tlsCert, tlsKey }: Settings): readonly SettingFile[] {
  if (tlsCert === undefined || tlsKey === undefined) return [];
  return [
    { name: 'tls-cert', path: tlsCert },
    { name: 'tls-key', path: tlsKey },
  ];
}

/**
 * Reads and checks the pair that the settings name. Returns undefined for plaintext. Throws a StartupError that names
 * the file at fault.
 */
export function loadTlsPair(settings: Settings): CertificatePair | undefined {
  const [cert, key] = tlsFiles(settings);
  return cert === undefined ? undefined : readCertificatePair(cert, key);
}
