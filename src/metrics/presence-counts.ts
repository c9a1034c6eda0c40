import { Injectable } from '@nestjs/common';

/** Counts of what peers are told about the members of topics. Plain numbers, read on demand. Knows neither. */
@Injectable()
export class PresenceCounts {
  /** Members that have an id, on this node and on others. */
  readonly members = { here: 0, elsewhere: 0 };
  /** Topics whose members are known. */
  tables = 0;
  /** Members of this node that are told who comes and goes. */
  lookers = 0;
  /** Memory for data, and for members of other nodes, in bytes. */
  bytes = 0;
  /** News of changes, each of which is one frame. */
  frames = 0;
  /** The same, for each member that was told. */
  told = 0;
  /** Changes that needed no frame of their own. */
  coalesced = 0;
  /** How often there was no room for data, or for members of other nodes. */
  refused = 0;
}
