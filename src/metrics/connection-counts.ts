import { Injectable } from '@nestjs/common';
import { CloseCode } from '../protocol/close-codes.js';

/** Codes that peers usually close with: 1000 normal, 1001 going away, 1005 no code, 1006 no close frame. */
const OF_PEERS: readonly number[] = [CloseCode.normal, 1001, 1005, 1006];

const CODES = [...new Set([...Object.values(CloseCode), ...OF_PEERS])].toSorted((one, other) => one - other);

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
  readonly #closed = new Map<string, number>([...CODES.map(String), 'other'].map((code) => [code, 0]));

  /**
   * Counts a connection that ended: under `own`, the code of this server, if the server closed it; otherwise under
   * `ofPeer`. A peer's code counts only if it is a usual one. Otherwise a peer could fake a limit reached, or a fault
   * of ours.
   */
  closed(own: number | undefined, ofPeer: number): void {
    const counted = own === undefined ? OF_PEERS : CODES;
    const code = own ?? ofPeer;
    const label = counted.includes(code) ? String(code) : 'other';
    this.#closed.set(label, this.#closed.get(label)! + 1);
  }

  /** Number of ended connections by code. Codes without a count of their own are under `other`. */
  get closedByCode(): ReadonlyMap<string, number> {
    return this.#closed;
  }
}
