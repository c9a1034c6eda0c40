import { Injectable } from '@nestjs/common';
import { CloseCode } from '../protocol/close-codes.js';

/** What a peer may close with without its being news: 1001 going away, 1005 no code, 1006 no close frame. */
const OF_PEERS: readonly number[] = [CloseCode.normal, 1001, 1005, 1006];

const CODES = [...new Set([...Object.values(CloseCode), ...OF_PEERS])].toSorted((one, other) => one - other);

/** How many connections came and how they ended, since the start. Plain numbers, read when somebody looks; knows nothing of the peers. */
@Injectable()
export class ConnectionCounts {
  opened = 0;
  /** How many there may be; Infinity for no limit; undefined before that is known. */
  most: number | undefined;
  /** The TCP connections that are no peer's. */
  plain: { readonly size: number } | undefined;
  readonly #closed = new Map<string, number>([...CODES.map(String), 'other'].map((code) => [code, 0]));

  /**
   * A connection ended: with this server's own code where it began the end, else with the peer's. What this server means something
   * by is not for peers to say, who could make a limit or a fault of ours look reached.
   */
  closed(own: number | undefined, ofPeer: number): void {
    const counted = own === undefined ? OF_PEERS : CODES;
    const code = own ?? ofPeer;
    const label = counted.includes(code) ? String(code) : 'other';
    this.#closed.set(label, this.#closed.get(label)! + 1);
  }

  /** By code, every one that is counted apart. */
  get closedByCode(): ReadonlyMap<string, number> {
    return this.#closed;
  }
}
