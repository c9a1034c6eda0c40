import { Injectable } from '@nestjs/common';

/** When the certificate in use expires. Set whenever a certificate is taken into use. */
@Injectable()
export class CertificateExpiry {
  /** In milliseconds since the epoch; undefined without TLS. */
  at: number | undefined;
  /** What peers will find wrong with the certificate in use, or with its chain; one sentence each. */
  warnings: readonly string[] = [];
}
