import { Injectable } from '@nestjs/common';

/** When the certificate in use ends. Told whenever one is taken into use; knows nothing of the certificate else. */
@Injectable()
export class CertificateExpiry {
  /** In milliseconds since the epoch; undefined without TLS. */
  at: number | undefined;
}
