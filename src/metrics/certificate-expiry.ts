import { Injectable } from '@nestjs/common';

/** When the certificate and the revocation lists in use expire. Set whenever such files are taken into use. */
@Injectable()
export class CertificateExpiry {
  /** In milliseconds since the epoch; undefined without TLS. */
  at: number | undefined;
  /** When the first list in `tls-client-crl` expires, in milliseconds since the epoch; undefined if none does. */
  listsAt: number | undefined;
  /** What will go wrong with the certificate in use, its chain, or what client certificates need; one sentence each. */
  warnings: readonly string[] = [];
}
