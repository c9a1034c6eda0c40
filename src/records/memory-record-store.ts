import type { Clock } from '../clock/clock.js';
import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import { announcerOf } from './announcer.js';
import { costOf } from './record-cost.js';
import { RecordStore } from './record-store.js';
import type { FoundRecord, RecordContent, StoreRefusal, TopicRecord } from './record-store.js';

export interface RecordBounds {
  /** Lifetime of an announced record, and of a published one after its connection closed; in milliseconds. */
  readonly ttl: number;
  /** Maximum number of records on a topic. */
  readonly perTopic: number;
  /** Maximum number of records of a source. */
  readonly perSource: number;
  /** Maximum bytes of memory for all records. */
  readonly maxBytes: number;
  /** Maximum bytes of memory for the records of a source. */
  readonly maxBytesPerSource: number;
}

/** A record, with its place in the store. */
class Held implements FoundRecord, Expiring<Held> {
  /** In milliseconds on the monotonic clock; Infinity while its connection is open. */
  expiresAt = Infinity;
  previous: Held | undefined;
  next: Held | undefined;
  list: ExpiryList<Held> | undefined;

  constructor(
    readonly topic: string,
    readonly connection: number,
    readonly source: string,
    readonly content: RecordContent,
    readonly announcer: string | undefined,
    readonly since: number,
    readonly bytes: number,
  ) {}
}

/** The records of a source. */
interface Usage {
  records: number;
  bytes: number;
  /** Its orphans, oldest first. */
  readonly orphans: Set<Held>;
}

const NOTHING: ReadonlyMap<string, unknown> = new Map();

/**
 * Maximum number of expired records that a call removes besides its own work. Bounded, yet faster than records can be
 * put, so an expired record does not take the room of a live one for long.
 */
const REMOVED_PER_CALL = 100;

/**
 * Owns the records in the memory of this process. Knows nothing of messages or sockets. An *orphan* is a published
 * record whose connection is closed.
 * Invariant: every record is in its topic and counts towards its source. It is in one of the two lists exactly when it
 * can expire. `bytes` is the sum of all costs and never above the bound.
 */
export class MemoryRecordStore extends RecordStore {
  readonly #topics = new Map<string, Held[]>();
  readonly #sources = new Map<string, Usage>();
  /** Published records by connection, while that is open, and by topic. */
  readonly #published = new Map<number, Map<string, Held>>();
  readonly #announced = new ExpiryList<Held>();
  readonly #orphans = new ExpiryList<Held>();
  #size = 0;
  #bytes = 0;
  #listener: (topic: string, holds: boolean) => void = () => undefined;

  constructor(
    private readonly bounds: RecordBounds,
    private readonly clock: Clock,
  ) {
    super();
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(record: TopicRecord): StoreRefusal | undefined {
    this.expire(REMOVED_PER_CALL);
    this.#expireOn(record.topic);
    const bytes = costOf(record);
    const { content } = record;
    const announcer =
      content.kind === 'announced' ? announcerOf(record.source, content.peerId, content.addresses) : undefined;
    const making = new Set<Held>();
    const refusal =
      this.#roomOnTopic(record, announcer, making) ??
      this.#roomInQuota(record, bytes, making) ??
      this.#roomInStore(bytes, making);
    if (refusal !== undefined) return refusal;

    for (const held of making) this.#remove(held);
    const { topic, connection, source } = record;
    this.#add(new Held(topic, connection, source, content, announcer, this.clock.monotonic(), bytes));
    return undefined;
  }

  watch(listener: (topic: string, holds: boolean) => void): void {
    this.#listener = listener;
  }

  query(topic: string): readonly FoundRecord[] {
    this.expire(REMOVED_PER_CALL);
    const now = this.clock.monotonic();
    return (this.#topics.get(topic) ?? []).filter((held) => held.expiresAt > now).toReversed();
  }

  disconnect(connection: number): void {
    const published = this.#published.get(connection);
    if (published === undefined) return;
    this.#published.delete(connection);
    const expiresAt = this.clock.monotonic() + this.bounds.ttl;
    for (const held of published.values()) {
      held.expiresAt = expiresAt;
      this.#orphans.append(held);
      this.#sources.get(held.source)!.orphans.add(held);
    }
  }

  publishedOn(connection: number): ReadonlyMap<string, unknown> {
    return this.#published.get(connection) ?? NOTHING;
  }

  withdraw(connection: number, topic: string): void {
    const held = this.#published.get(connection)?.get(topic);
    if (held !== undefined) this.#remove(held);
  }

  /** Removes at most `most` expired records. Returns true if there may be more. */
  expire(most: number): boolean {
    const now = this.clock.monotonic();
    for (let removed = 0; removed < most; removed++) {
      const due = [this.#announced.first, this.#orphans.first].find(
        (held) => held !== undefined && held.expiresAt <= now,
      );
      if (due === undefined) return false;
      this.#remove(due);
    }
    return true;
  }

  /** Removes all expired records of a topic. `expire` might not get to them, behind others that expired before. */
  #expireOn(topic: string): void {
    const now = this.clock.monotonic();
    const expired = (this.#topics.get(topic) ?? []).filter((held) => held.expiresAt <= now);
    for (const held of expired) this.#remove(held);
  }

  // --- which records make room for a new one: adds them to `making`, or returns why there is no room

  #roomOnTopic(record: TopicRecord, announcer: string | undefined, making: Set<Held>): StoreRefusal | undefined {
    const held = this.#topics.get(record.topic) ?? [];
    const replaced = held.find(
      (other) => other.announcer === announcer && (announcer !== undefined || other.connection === record.connection),
    );
    if (replaced === undefined && held.length < this.bounds.perTopic) return undefined;
    const maker =
      replaced ??
      held.find((other) => other.list === this.#orphans) ??
      held.find((other) => other.source === record.source);
    if (maker === undefined) return 'topic_full';
    making.add(maker);
    return undefined;
  }

  #roomInQuota({ source }: TopicRecord, bytes: number, making: Set<Held>): StoreRefusal | undefined {
    const usage = this.#sources.get(source) ?? { records: 0, bytes: 0, orphans: [] };
    let records = usage.records + 1 - this.bounds.perSource;
    let excess = usage.bytes + bytes - this.bounds.maxBytesPerSource;
    for (const held of making) {
      if (held.source !== source) continue;
      records -= 1;
      excess -= held.bytes;
    }
    for (const orphan of usage.orphans) {
      if (records <= 0 && excess <= 0) break;
      if (making.has(orphan)) continue;
      making.add(orphan);
      records -= 1;
      excess -= orphan.bytes;
    }
    return records > 0 || excess > 0 ? 'quota_exceeded' : undefined;
  }

  #roomInStore(bytes: number, making: Set<Held>): StoreRefusal | undefined {
    let excess = this.#bytes + bytes - this.bounds.maxBytes;
    for (const held of making) excess -= held.bytes;
    if (excess <= 0) return undefined;
    for (const orphan of this.#orphans) {
      if (making.has(orphan)) continue;
      making.add(orphan);
      excess -= orphan.bytes;
      if (excess <= 0) return undefined;
    }
    return 'store_full';
  }

  // --- the indexes

  #add(held: Held): void {
    const topic = this.#topics.get(held.topic);
    if (topic === undefined) {
      this.#topics.set(held.topic, [held]);
      this.#listener(held.topic, true);
    } else {
      topic.push(held);
    }

    const usage = this.#sources.get(held.source) ?? { records: 0, bytes: 0, orphans: new Set<Held>() };
    usage.records += 1;
    usage.bytes += held.bytes;
    this.#sources.set(held.source, usage);

    if (held.content.kind === 'announced') {
      held.expiresAt = this.clock.monotonic() + this.bounds.ttl;
      this.#announced.append(held);
    } else {
      const published = this.#published.get(held.connection) ?? new Map<string, Held>();
      published.set(held.topic, held);
      this.#published.set(held.connection, published);
    }
    this.#size += 1;
    this.#bytes += held.bytes;
  }

  #remove(held: Held): void {
    const topic = this.#topics.get(held.topic)!;
    topic.splice(topic.indexOf(held), 1);
    if (topic.length === 0) {
      this.#topics.delete(held.topic);
      this.#listener(held.topic, false);
    }

    const usage = this.#sources.get(held.source)!;
    usage.records -= 1;
    usage.bytes -= held.bytes;
    usage.orphans.delete(held);
    if (usage.records === 0) this.#sources.delete(held.source);

    if (held.list === undefined) {
      const published = this.#published.get(held.connection)!;
      published.delete(held.topic);
      if (published.size === 0) this.#published.delete(held.connection);
    } else {
      held.list.remove(held);
    }
    this.#size -= 1;
    this.#bytes -= held.bytes;
  }
}
