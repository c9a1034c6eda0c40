import type { Clock } from '../clock/clock.js';
import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import { announcerOf } from './announcer.js';
import { costOf } from './record-cost.js';
import { RecordStore } from './record-store.js';
import type { FoundRecord, RecordContent, StoreRefusal, TopicRecord } from './record-store.js';

export interface RecordBounds {
  /** How long a record lives on, in milliseconds. */
  readonly ttl: number;
  readonly perTopic: number;
  readonly perSource: number;
  /** Bytes of memory for all records. */
  readonly maxBytes: number;
  /** Bytes of memory for those of one source. */
  readonly maxBytesPerSource: number;
}

/** A record and its place in the store. */
class Held implements FoundRecord, Expiring<Held> {
  /** On the monotonic clock, in milliseconds. */
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

/** What a source holds. */
interface Usage {
  records: number;
  bytes: number;
  /** Its orphans, oldest first. */
  readonly orphans: Set<Held>;
}

/** Expired records that one call buries besides its own work, so that none takes room from a live one for long: bounded, yet faster than they can be put. */
const BURIED_A_CALL = 100;

/**
 * Records in the memory of this process. An *orphan* is a published record whose connection is closed.
 * Invariant: every record is in its topic and counts in its source; it is in one list exactly when it can expire; `bytes`
 * is the sum of their costs and never above the bound.
 */
export class MemoryRecordStore extends RecordStore {
  readonly #topics = new Map<string, Held[]>();
  readonly #sources = new Map<string, Usage>();
  /** Published records by their open connection. */
  readonly #published = new Map<number, Set<Held>>();
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
    this.expire(BURIED_A_CALL);
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

    for (const held of making) this.#bury(held);
    this.#hold(
      new Held(record.topic, record.connection, record.source, content, announcer, this.clock.monotonic(), bytes),
    );
    return undefined;
  }

  watch(listener: (topic: string, holds: boolean) => void): void {
    this.#listener = listener;
  }

  query(topic: string): readonly FoundRecord[] {
    this.expire(BURIED_A_CALL);
    const now = this.clock.monotonic();
    return (this.#topics.get(topic) ?? []).filter((held) => held.expiresAt > now).toReversed();
  }

  disconnect(connection: number): void {
    const published = this.#published.get(connection);
    if (published === undefined) return;
    this.#published.delete(connection);
    const expiresAt = this.clock.monotonic() + this.bounds.ttl;
    for (const held of published) {
      held.expiresAt = expiresAt;
      this.#orphans.append(held);
      this.#sources.get(held.source)!.orphans.add(held);
    }
  }

  /** Buries at most `most` records that have expired. True when there may be more. */
  expire(most: number): boolean {
    const now = this.clock.monotonic();
    for (let buried = 0; buried < most; buried++) {
      const due = [this.#announced.first, this.#orphans.first].find(
        (held) => held !== undefined && held.expiresAt <= now,
      );
      if (due === undefined) return false;
      this.#bury(due);
    }
    return true;
  }

  /** Buries all that has expired on a topic, which may lie behind more than a call buries. */
  #expireOn(topic: string): void {
    const now = this.clock.monotonic();
    const expired = (this.#topics.get(topic) ?? []).filter((held) => held.expiresAt <= now);
    for (const held of expired) this.#bury(held);
  }

  // --- who makes room for a record; added to `making`, or the refusal when that does not suffice

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

  #hold(held: Held): void {
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
      const published = this.#published.get(held.connection) ?? new Set<Held>();
      published.add(held);
      this.#published.set(held.connection, published);
    }
    this.#size += 1;
    this.#bytes += held.bytes;
  }

  #bury(held: Held): void {
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
      published.delete(held);
      if (published.size === 0) this.#published.delete(held.connection);
    } else {
      held.list.remove(held);
    }
    this.#size -= 1;
    this.#bytes -= held.bytes;
  }
}
