import { readCertificatePair } from '../config/certificate-pair.js';
import { StartupError } from '../config/faults.js';

/** What a client shows in a TLS handshake that asks for it; PEM both. */
export interface ClientCertificate {
  /** Its certificate, and the intermediate ones. */
  readonly cert: string;
  readonly key: string;
}

/** The certificate in the files that were named; undefined where none were. Throws a StartupError that names the file at fault. */
export function readClientCertificate(
  certPath: string | undefined,
  keyPath: string | undefined,
): ClientCertificate | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined;
  if (certPath === undefined || keyPath === undefined) throw new StartupError('--cert and --key: give both of them');
  const { cert, key } = readCertificatePair({ name: '--cert', path: certPath }, { name: '--key', path: keyPath });
  return { cert: cert.toString('utf8'), key: key.toString('utf8') };
}
