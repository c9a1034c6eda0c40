import { X509Certificate } from 'node:crypto';
import { certificatesIn, mistakesInChain } from '../config/certificate-mistakes.js';
import { readCertificatePair } from '../config/certificate-pair.js';
import type { CertificatePair } from '../config/certificate-pair.js';
import { orStartupError } from '../config/faults.js';
import { readSettingFile, settingFile } from '../config/setting-file.js';
import type { SettingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import { shownPath } from '../config/shown-path.js';

/**
 * Certificate and key of the server, and the CA certificates for client certificates if these are requested. All PEM.
 */
export interface TlsPair extends CertificatePair {
  readonly ca?: Buffer;
}

/** Every certificate of a PEM file, a truncated last one included. */
const PEM_CERTIFICATES = /-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g;

/** Returns when the first certificate of the chain expires, in milliseconds since the epoch. */
export function expiryOf({ cert }: TlsPair): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

/** Returns what peers will find wrong with a usable pair, one sentence each that names the setting. */
export function warningsOf({ cert, ca }: TlsPair, now: number): string[] {
  const expired = ca === undefined ? 0 : certificatesIn(ca).filter(({ validTo }) => Date.parse(validTo) < now).length;
  return [
    ...mistakesInChain(cert, now).map((mistake) => `tls-cert: ${mistake}`),
    ...(expired === 0
      ? []
      : [`tls-client-ca: ${expired} of its authorities expired, so their certificates are refused`]),
  ];
}

/** Returns the files of a complete pair; none for plaintext. */
export function tlsFiles({ tlsCert, tlsKey, tlsClientCa }: Settings): readonly SettingFile[] {
  if (tlsCert === undefined || tlsKey === undefined) return [];
  return [
    { name: 'tls-cert', path: tlsCert },
    { name: 'tls-key', path: tlsKey },
    ...settingFile('tls-client-ca', tlsClientCa),
  ];
}

/**
 * Reads and checks the pair that the settings name. Returns undefined for plaintext. Throws a StartupError that names
 * the file at fault.
 */
export function loadTlsPair(settings: Settings): TlsPair | undefined {
  const { tlsCert, tlsKey, tlsClientCa } = settings;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const pair = readCertificatePair({ name: 'tls-cert', path: tlsCert }, { name: 'tls-key', path: tlsKey });
  if (tlsClientCa === undefined) return pair;
  const ca = readSettingFile('tls-client-ca', tlsClientCa);
  // OpenSSL skips what it cannot read. Then the clients of that CA would all be refused.
  const blocks = ca.toString('latin1').match(PEM_CERTIFICATES) ?? [''];
  for (const block of blocks) {
    orStartupError(() => new X509Certificate(block), `tls-client-ca ${shownPath(tlsClientCa)}: not a PEM certificate`);
  }
  return { ...pair, ca };
}
