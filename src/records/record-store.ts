/**
 * What a peer left on a topic for others to find (J1): bytes that a connection published, or addresses that a source
 * announced. It is in memory only, and it expires.
 */
export interface TopicRecord {
  readonly topic: string;
  /** Number of the connection that left it. That connection may be closed. */
  readonly connection: number;
  /** The source whose quota it counts towards; see sourceOf. */
  readonly source: string;
  readonly content: RecordContent;
}

/** A record that was found. */
export interface FoundRecord extends TopicRecord {
  /** When it was left, in milliseconds on the monotonic clock. */
  readonly since: number;
  /** Who announced it; the same on every node; see announcerOf. Undefined for a published record. */
  readonly announcer: string | undefined;
}

export type RecordContent = PublishedContent | AnnouncedContent;

export interface PublishedContent {
  readonly kind: 'published';
  /** Base64. */
  readonly payload: string;
}

export interface AnnouncedContent {
  readonly kind: 'announced';
  /** Hex, or empty. */
  readonly peerId: string;
  readonly addresses: readonly string[];
  /** Bytes of its entry in the answer to a query (J4), so that a query knows them without writing the entry. */
  readonly entryBytes: number;
}

/** Why a record was refused: there is no room on its topic, for its source, or in the store. */
export type StoreRefusal = 'topic_full' | 'quota_exceeded' | 'store_full';

/**
 * Owns the records, within bounds. Knows nothing of messages, sockets or answers.
 *
 * The contract, which every implementation keeps (test/contract/record-store.contract.ts):
 * - A record replaces the one that the same announcer left on the same topic. The announcer of a published record is
 *   its   connection. The announcer of an announced record is its source together with the peer id or, if there is
 *   none, with the set   of addresses.
 * - A published record lives until its TTL after its connection closed. An announced record lives for its TTL.
 * - When there is no room, published records of closed connections make room, oldest first. On a full topic the oldest
 *   record of   the same source follows. A live record of another source never makes room: the new record is refused,
 *   and nothing changes.
 * - What `withdraw` removes is found no more, and makes its room free at once.
 */
export abstract class RecordStore {
  /** Adds a record. Returns why not if it is refused; then nothing changes. */
  abstract put(record: TopicRecord): StoreRefusal | undefined;
  /** Returns the records of a topic that have not expired, newest first. */
  abstract query(topic: string): readonly FoundRecord[];
  /** The connection closed: its published records live for their TTL from now on, and are the first to make room. */
  abstract disconnect(connection: number): void;
  /** Returns the topics on which an open connection has a published record, as the keys of a live map. */
  abstract publishedOn(connection: number): ReadonlyMap<string, unknown>;
  /** Removes the record that an open connection published on a topic, if it is still there. */
  abstract withdraw(connection: number, topic: string): void;
  /** Number of records. Expired ones may count for a moment. */
  abstract readonly size: number;
  /** Bytes of memory accounted for the records, including topics and bookkeeping. */
  abstract readonly bytes: number;

  /** Sets the listener that is called when a topic gets its first record and when it loses its last. */
  abstract watch(listener: (topic: string, holds: boolean) => void): void;
}
