/**
 * What JSON peers are answered (docs/protocol.md, J3, J4, J7), as the text of one message each.
 */

/** Why a message of a known type was not honoured (J7); the connection stays open. */
export type RefusalCode =
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

export function refusal(topic: string | undefined, code: RefusalCode, message: string): string {
  return JSON.stringify({ type: 'error', topic, code, message });
}

/**
 * The answer to a query (J4). `payload`, in base64, is never cut; of `peers`, newest first, those are listed that fit while
 * the whole stays within MOST_READ_BYTES. One too large to fit does not hide the ones behind it.
 */
export function result(topic: string, payload: string | null, peers: Iterable<FoundPeer>): string {
  const head = `${JSON.stringify({ type: 'result', topic, payload }).slice(0, -1)},"peers":[`;
  const tail = ']}';
  let left = MOST_READ_BYTES - Buffer.byteLength(head) - tail.length;
  const listed: string[] = [];
  for (const peer of peers) {
    if (left <= 0) break;
    const entry = JSON.stringify(peer);
    const needed = Buffer.byteLength(entry) + (listed.length === 0 ? 0 : 1);
    if (needed > left) continue;
    left -= needed;
    listed.push(entry);
  }
  return head + listed.join(',') + tail;
}
