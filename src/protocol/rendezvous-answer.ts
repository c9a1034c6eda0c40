/**
 * What JSON peers are answered (docs/protocol.md, J3, J4, J7), as the text of one message each.
 */

/** Why a message of a known type was not honoured (J7); the connection stays open. */
export type ErrorCode =
  | 'malformed'
  | 'topic_too_long'
  | 'record_too_large'
  | 'topic_full'
  | 'quota_exceeded'
  | 'store_full'
  | 'records_off'
  | 'forbidden';

/** One that was found, as the libraries read it. */
export interface FoundPeer {
  /** Hex; empty where none was given. */
  readonly peer_id: string;
  readonly addresses: readonly string[];
}

/** The most that the Go library reads of an answer: 4,096 bytes in one read, less the WebSocket frame's head. */
export const MOST_READ_BYTES = 4092;

export function ack(topic: string): string {
  return JSON.stringify({ type: 'ack', topic });
}

export function errorAnswer(topic: string | undefined, code: ErrorCode, message: string): string {
  return JSON.stringify({ type: 'error', topic, code, message });
}

/** Bytes that a peer takes in the list of an answer; Infinity for one that fits into none, which is known without writing it. */
export function entryBytes({ peer_id: peerId, addresses }: FoundPeer): number {
  // Quotes, and a comma or a bracket.
  const least = addresses.reduce((sum, address) => sum + address.length + 3, peerId.length);
  return least > MOST_READ_BYTES ? Infinity : Buffer.byteLength(JSON.stringify({ peer_id: peerId, addresses }));
}

/** The same for a peer with one address of so many characters, none of which JSON escapes. */
export function plainEntryBytes(characters: number): number {
  return EMPTY_ENTRY.length + characters;
}
const EMPTY_ENTRY = '{"peer_id":"","addresses":[""]}';

/** One that may be listed. */
export interface Entry {
  /** What `peer` takes, see entryBytes. */
  readonly bytes: number;
  /** Made only where it is listed. */
  readonly peer: () => FoundPeer;
}

/**
 * The answer to a query (J4). `payload`, in base64, is never cut; of `entries`, newest first, those are listed that fit while
 * the whole stays within MOST_READ_BYTES. One too large to fit does not hide the ones behind it, and is not written either: an answer costs its own bytes.
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
