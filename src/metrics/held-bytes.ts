import { Injectable } from '@nestjs/common';

/** Memory that connections hold on this node, in bytes. Plain numbers, read when somebody looks; knows nothing of the peers. */
@Injectable()
export class HeldBytes {
  /** For what waits for peers that read slowly. */
  readonly buffered = { total: 0 };
  /** For what peers have sent and the server has not handled: messages that are not finished, and those that wait for the rate. */
  readonly unfinished = { total: 0 };
}
