/** The answers to JSON peers (docs/protocol.md, J3, J4, J7), each as the text of one message. */

/** Why the server did not carry out a message of a known type (J7). The connection stays open. */
export type ErrorCode =
  | 'malformed'
  | 'topic_too_long'
  | 'record_too_large'
  | 'topic_full'
  | 'quota_exceeded'
  | 'store_full'
  | 'records_off'
  | 'forbidden';

/** A peer that was found, as the libraries read it. */
export interface FoundPeer {
  /** Hex; empty if the peer gave none. */
  readonly peer_id: string;
  readonly addresses: readonly string[];
}

/**
 * Most bytes of an answer that the Go library reads: one read of 4,096 bytes, minus the head of the WebSocket frame.
 */
export const MOST_READ_BYTES = 4092;

export function ack(topic: string): string {
  return JSON.stringify({ type: 'ack', topic });
}

export function errorAnswer(topic: string | undefined, code: ErrorCode, message: string): string {
  return JSON.stringify({ type: 'error', topic, code, message });
}

/** Bytes of a peer in the list of an answer. Infinity, without encoding the peer, if it fits into no answer. */
export function entryBytes({ peer_id: peerId, addresses }: FoundPeer): number {
  // Each address also needs two quotes, and a comma or a bracket.
  const least = addresses.reduce((sum, address) => sum + address.length + 3, peerId.length);
  return least > MOST_READ_BYTES ? Infinity : Buffer.byteLength(JSON.stringify({ peer_id: peerId, addresses }));
}

/** The same for a peer with one address of `characters` characters, without any that JSON escapes. */
export function plainEntryBytes(characters: number): number {
  return EMPTY_ENTRY.length + characters;
}
const EMPTY_ENTRY = '{"peer_id":"","addresses":[""]}';

/** A peer that may be listed. */
export interface Entry {
  /** Bytes that `peer` takes, as entryBytes gives them. */
  readonly bytes: number;
  /** Creates the peer. Called only if it is listed. */
  readonly peer: () => FoundPeer;
}

/**
 * The answer to a query (J4). `payload`, in base64, is never cut. `entries` come newest first, and each is listed if
 * the answer then stays within MOST_READ_BYTES. An entry that is too large does not hide the next ones, and is never
 * encoded: an answer costs only its own bytes.
 */
export function result(topic: string, payload: string | null, entries: Iterable<Entry>): string {
  const head = `${JSON.stringify({ type: 'result', topic, payload }).slice(0, -1)},"peers":[`;
  const tail = ']}';
  let left = MOST_READ_BYTES - Buffer.byteLength(head) - tail.length;
  const listed: string[] = [];
  for (const { bytes, peer } of entries) {
    if (left <= 0) break;
    const needed = bytes + (listed.length === 0 ? 0 : 1);
    if (needed > left) continue;
    left -= needed;
    listed.push(JSON.stringify(peer()));
  }
  return head + listed.join(',') + tail;
}
