import { Injectable } from '@nestjs/common';
import { CloseCode } from '../protocol/close-codes.js';

/** Codes that peers usually close with: 1000 normal, 1001 going away, 1005 no code, 1006 no close frame. */
const OF_PEERS: readonly number[] = [CloseCode.normal, CloseCode.goingAway, 1005, 1006];

const CODES = [...new Set([...Object.values(CloseCode), ...OF_PEERS])].toSorted((one, other) => one - other);

/** Name of our own 1001: a peer's 1001, such as that of a browser whose page is left, is not a drain. */
const DRAIN = 'drain';

/**
 * Counts of connections opened and closed since the start. Plain numbers, read on demand. Knows nothing of the peers.
 */
@Injectable()
export class ConnectionCounts {
  opened = 0;
  /** Maximum number of connections; Infinity for no limit; undefined before it is known. */
  most: number | undefined;
  /** TCP connections that do not belong to a peer; undefined before the server listens. */
  plain: { readonly size: number } | undefined;
  readonly #closed = new Map<string, number>([...CODES.map(String), DRAIN, 'other'].map((code) => [code, 0]));

  /**
   * Counts a connection that ended: under `own`, the code of this server, if the server closed it; otherwise under
   * `ofPeer`. A peer's code counts only if it is a usual one. Otherwise a peer could fake a limit reached, or a fault
   * of ours. Our 1001 has a name of its own, since peers use that code too.
   */
  closed(own: number | undefined, ofPeer: number): void {
    const label = own === CloseCode.goingAway ? DRAIN : labelOf(own ?? ofPeer, own === undefined ? OF_PEERS : CODES);
    this.#closed.set(label, this.#closed.get(label)! + 1);
  }

  /** Number of ended connections by code. Codes without a count of their own are under `other`. */
  get closedByCode(): ReadonlyMap<string, number> {
    return this.#closed;
  }
}

function labelOf(code: number, counted: readonly number[]): string {
  return counted.includes(code) ? String(code) : 'other';
}
