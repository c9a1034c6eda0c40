import { Injectable } from '@nestjs/common';

/** What became of requests for ICE servers, since the start. Plain numbers, read on demand. Knows no peers. */
@Injectable()
export class IceCounts {
  readonly outcomes = {
    v2_issued: 0,
    v2_unavailable: 0,
    http_issued: 0,
    http_unavailable: 0,
    http_refused: 0,
    http_throttled: 0,
  };
  /** When the secret in use was written, in milliseconds since the epoch; undefined without one. */
  secretAt: number | undefined;
}
