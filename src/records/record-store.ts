/**
 * What a peer left on a topic for others to find (J1): in memory only, with an expiry. Either bytes, published on a
 * connection, or addresses, announced by a source.
 */
export interface TopicRecord {
  readonly topic: string;
  /** The connection it came on; says nothing about whether that is still open. */
  readonly connection: number;
  /** Whose quota it counts towards: see sourceOf. */
  readonly source: string;
  readonly content: RecordContent;
}

/** A record that was found. */
export interface FoundRecord extends TopicRecord {
  /** When it was left, in milliseconds on the monotonic clock. */
  readonly since: number;
  /** Who announced it, the same on every node; undefined for a published one, which is of its connection. See announcerOf. */
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
  /** Bytes that it takes in the list of an answer to a query (J4), so that no query has to write it to know. */
  readonly entryBytes: number;
}

/** Why a record was not taken: its topic, its source or the store has no room that it may have. */
export type StoreRefusal = 'topic_full' | 'quota_exceeded' | 'store_full';

/**
 * Holds records, within bounds. Knows nothing of messages, sockets or answers.
 *
 * The contract, which every implementation keeps (test/contract/record-store.contract.ts):
 * - A record replaces the same announcer's on the same topic: for a published one the announcer is its connection; for an
 *   announced one its source together with the peer id or, where there is none, with the set of addresses.
 * - A published record lives while its connection does and its TTL longer; an announced one lives its TTL.
 * - Where there is no room, published records of closed connections make it, oldest first; on a full topic then the same
 *   source's oldest. A live record of another source is never given up: the newcomer is refused, and nothing changes.
 */
export abstract class RecordStore {
  /** Takes a record, or says why not; a refusal changes nothing. */
  abstract put(record: TopicRecord): StoreRefusal | undefined;
  /** The records of a topic that have not expired, newest first. */
  abstract query(topic: string): readonly FoundRecord[];
  /** The connection is gone: its published records have their TTL left, and are the first to make room. */
  abstract disconnect(connection: number): void;
  /** Records held; expired ones may be counted for a moment. */
  abstract readonly size: number;
  /** Bytes of memory accounted for them, topics and bookkeeping included. */
  abstract readonly bytes: number;

  /** Has `listener` told when a topic gets its first record, and when it has lost its last. */
  abstract watch(listener: (topic: string, holds: boolean) => void): void;
}
