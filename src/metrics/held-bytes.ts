import { Injectable } from '@nestjs/common';

/** Memory that connections hold on this node, in bytes. Plain numbers, read on demand. Knows nothing of the peers. */
@Injectable()
export class HeldBytes {
  /** For messages that wait for peers that read slowly. */
  readonly buffered = { total: 0 };
  /** For input that is not handled yet: unfinished messages, and messages held back by the rate limit. */
  readonly unfinished = { total: 0 };
}
