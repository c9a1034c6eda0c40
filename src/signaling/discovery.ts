import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { BackplaneCounts } from '../metrics/backplane-counts.js';
import { Timings } from '../metrics/timings.js';
import type { Connection } from '../connection/connection.js';
import { encodeRecords, MOST_TOLD_BYTES, parseRecords } from '../protocol/record-answer.js';
import type { RecordBounds, ToldRecord } from '../protocol/record-answer.js';
import { entryBytes } from '../protocol/rendezvous-answer.js';
import { RecordStore } from '../records/record-store.js';
import type { FoundRecord, RecordContent } from '../records/record-store.js';
import { chargeOfTold } from '../protocol/charges.js';

/** Stands for the connection of a record from another node. */
const ELSEWHERE = -1;

/** A record on this node or on another one. */
export interface Discovered {
  /** The connection on this node that it came on; ELSEWHERE for another node's record. */
  readonly connection: number;
  readonly content: RecordContent;
}

/**
 * Finds the records of a topic, on this node and on the others (N6). Each node answers for the records it took. Owns
 * which records of this node were found. Knows nothing of who asks or how records are shown.
 * Invariant: answers are newest first, with each announcer once.
 */
@Injectable()
export class Discovery implements OnModuleInit {
  /** Records of this node that another connection has found. */
  readonly #found = new WeakSet<Discovered>();
  /** What other nodes are believed: no more than peers. */
  readonly #bounds: RecordBounds;

  constructor(
    private readonly records: RecordStore,
    private readonly backplane: Backplane,
    private readonly clock: Clock,
    private readonly timings: Timings,
    private readonly bus: BackplaneCounts,
    { recordsPerTopic, recordMaxBytes, maxMessageBytes, recordTtl }: Settings,
  ) {
    this.#bounds = { perTopic: recordsPerTopic, bytes: recordMaxBytes, messageBytes: maxMessageBytes, ttl: recordTtl };
  }

  onModuleInit(): void {
    this.backplane.respond((topic, most) => this.#tell(topic, Math.min(most, MOST_TOLD_BYTES)));
    this.records.watch((topic, holds) => {
      if (holds) void this.backplane.offer(topic);
      else this.backplane.withdraw(topic);
    });
  }

  /**
   * Returns a promise to wait for until every node finds the records that this one has; undefined if they do, or that
   * is not known. Never rejects.
   */
  findable(topic: string): Promise<void> | undefined {
    return this.backplane.offer(topic);
  }

  /** Returns the records on this node. */
  here(topic: string): readonly Discovered[] {
    return this.records.query(topic);
  }

  /**
   * Returns the records that only other nodes have, newest first; undefined if there are no nodes to ask. Never
   * rejects. The answers are charged to `asker`.
   */
  elsewhere(asker: Connection, topic: string): Promise<readonly Discovered[]> | undefined {
    return this.backplane.ask(topic)?.then((answers) => newestOfEach(this.#told(asker, answers)));
  }

  /**
   * Returns the records of all nodes. Returns a promise, which is never rejected, if other nodes must be asked. Their
   * answers are charged to `asker`.
   */
  everywhere(asker: Connection, topic: string): readonly Discovered[] | Promise<readonly Discovered[]> {
    // The other nodes report ages as of about now, not as of when the last of them answers.
    const asked = this.clock.monotonic();
    return (
      this.backplane
        .ask(topic)
        ?.then((answers) =>
          answers.length === 0
            ? this.here(topic)
            : newestOfEach([...dated(this.records.query(topic), asked), ...this.#told(asker, answers)]),
        ) ?? this.here(topic)
    );
  }

  /** Notes that another connection of this node was told of a record. */
  found(record: Discovered): void {
    if (!('since' in record) || this.#found.has(record)) return;
    this.#found.add(record);
    this.timings.found(this.clock.monotonic() - (record as FoundRecord).since);
  }

  /** Decodes what other nodes told, in no order. Drops and counts an answer that no node of this service gives (N5). */
  #told(asker: Connection, answers: readonly Uint8Array[]): Dated[] {
    asker.charge(chargeOfTold(answers.reduce((sum, { length }) => sum + length, 0)));
    return answers.flatMap((answer) => {
      const records = parseRecords(answer, this.#bounds);
      if (records === undefined) this.bus.dropped.malformed += 1;
      return (records ?? []).map((record) => ({
        age: record.age,
        announcer: record.kind === 'announced' ? record.announcer : undefined,
        found: { connection: ELSEWHERE, content: contentOf(record) },
      }));
    });
  }

  #tell(topic: string, most: number): Buffer | undefined {
    const found = this.records.query(topic);
    return found.length === 0 ? undefined : encodeRecords(dated(found, this.clock.monotonic()).map(toldOf), most);
  }
}

/**
 * A record, its age in milliseconds, and who announced it; undefined for a published record, which belongs to one
 * connection.
 */
interface Dated {
  readonly age: number;
  readonly announcer: string | undefined;
  readonly found: Discovered;
}

/** Returns records of this node with their ages at `now`. */
function dated(records: readonly FoundRecord[], now: number): Dated[] {
  return records.map((record) => ({ age: now - record.since, announcer: record.announcer, found: record }));
}

function toldOf({ age, announcer, found: { content } }: Dated): ToldRecord {
  if (content.kind === 'published') return { kind: 'published', age, payload: content.payload };
  return { kind: 'announced', age, announcer: announcer!, peerId: content.peerId, addresses: content.addresses };
}

function contentOf(record: ToldRecord): RecordContent {
  if (record.kind === 'published') return { kind: 'published', payload: record.payload };
  const { peerId, addresses } = record;
  return { kind: 'announced', peerId, addresses, entryBytes: entryBytes({ peer_id: peerId, addresses }) };
}

function newestOfEach(records: readonly Dated[]): readonly Discovered[] {
  const seen = new Set<string>();
  return records
    .toSorted((one, other) => one.age - other.age)
    .filter(({ announcer }) => announcer === undefined || (!seen.has(announcer) && seen.add(announcer)))
    .map(({ found }) => found);
}
