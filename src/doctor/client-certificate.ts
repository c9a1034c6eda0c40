import { readCertificatePair } from '../config/certificate-pair.js';
import { StartupError } from '../config/faults.js';

/** A client certificate for the TLS handshake, and its key, both PEM. */
export interface ClientCertificate {
  /** The certificate, followed by the intermediate certificates. */
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the certificate from the named files; undefined when none are named. Throws a StartupError that names the file
 * at fault.
 */
export function readClientCertificate(
  certPath: string | undefined,
  keyPath: string | undefined,
): ClientCertificate | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined;
  if (certPath === undefined || keyPath === undefined) throw new StartupError('--cert and --key: give both');
  const { cert, key } = readCertificatePair({ name: '--cert', path: certPath }, { name: '--key', path: keyPath });
  return { cert: cert.toString('utf8'), key: key.toString('utf8') };
}
