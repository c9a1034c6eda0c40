import { X509Certificate } from 'node:crypto';
import { readCertificatePair } from '../config/certificate-pair.js';
import type { CertificatePair } from '../config/certificate-pair.js';
import { orStartupError } from '../config/faults.js';
import { readSettingFile, settingFile } from '../config/setting-file.js';
import type { SettingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';

/** The server's pair, and the authorities of peers' certificates where these are asked for; all PEM. */
export interface TlsPair extends CertificatePair {
  readonly ca?: Buffer;
}

/** When the certificate at the head of the chain ends, in milliseconds since the epoch. */
export function expiryOf({ cert }: TlsPair): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

/** The files of a pair that is whole; none for plaintext. */
export function tlsFiles({ tlsCert, tlsKey, tlsClientCa }: Settings): readonly SettingFile[] {
  if (tlsCert === undefined || tlsKey === undefined) return [];
  return [
    { name: 'tls-cert', path: tlsCert },
    { name: 'tls-key', path: tlsKey },
    ...settingFile('tls-client-ca', tlsClientCa),
  ];
}

/** The pair that the settings name, checked; undefined for plaintext. Throws a StartupError that names the file at fault. */
export function loadTlsPair(settings: Settings): TlsPair | undefined {
  const { tlsCert, tlsKey, tlsClientCa } = settings;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const pair = readCertificatePair({ name: 'tls-cert', path: tlsCert }, { name: 'tls-key', path: tlsKey });
  if (tlsClientCa === undefined) return pair;
  const ca = readSettingFile('tls-client-ca', tlsClientCa);
  // OpenSSL passes over what it cannot read, and everyone whom that vouches for would be refused.
  const blocks = ca.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g) ?? [
    '',
  ];
  for (const block of blocks) {
    orStartupError(
      () => new X509Certificate(block),
      `tls-client-ca ${JSON.stringify(tlsClientCa)}: not a PEM certificate`,
    );
  }
  return { ...pair, ca };
}
