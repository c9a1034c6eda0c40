import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import { Clock } from '../clock/clock.js';
import { encodeRecords, parseRecords } from '../protocol/record-answer.js';
import type { ToldRecord } from '../protocol/record-answer.js';
import { RecordStore } from '../records/record-store.js';
import type { FoundRecord, RecordContent } from '../records/record-store.js';

/** The most that one answer to another node says. */
const MOST_TOLD_BYTES = 512 * 1024;
/** What another node tells of is on none of our connections. */
const ELSEWHERE = -1;

/** A record on this node or on another one. */
export interface Discovered {
  /** The connection on this node that it came on; none for another node's. */
  readonly connection: number;
  readonly content: RecordContent;
}

/**
 * What is left on a topic, on this node and on the others (N6): each node answers for the records it took. Owns nothing.
 * Invariant: newest first, each announcer once.
 */
@Injectable()
export class Discovery implements OnModuleInit {
  constructor(
    private readonly records: RecordStore,
    private readonly backplane: Backplane,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.backplane.respond((topic, most) => this.#tell(topic, Math.min(most, MOST_TOLD_BYTES)));
    this.records.watch((topic, holds) => {
      if (holds) this.backplane.offer(topic);
      else this.backplane.withdraw(topic);
    });
  }

  /** What is on this node. */
  here(topic: string): readonly Discovered[] {
    return this.records.query(topic);
  }

  /** What only other nodes have, newest first; undefined when there are none to ask. Never rejects. */
  elsewhere(topic: string): Promise<readonly Discovered[]> | undefined {
    return this.backplane.ask(topic)?.then((answers) => this.#told(answers).map(({ found }) => found));
  }

  /** What is anywhere; a promise when others have to be asked. Never rejects. */
  everywhere(topic: string): readonly Discovered[] | Promise<readonly Discovered[]> {
    // The others tell ages of about now, not of when the last of them has answered.
    const asked = this.clock.monotonic();
    return this.backplane.ask(topic)?.then((answers) => merged(this.records.query(topic), asked, this.#told(answers))) ?? this.here(topic);
  }

  #tell(topic: string, most: number): Buffer | undefined {
    const found = this.records.query(topic);
    return found.length === 0 ? undefined : encodeRecords(found.map((record) => this.#toldOf(record)), most);
  }

  #toldOf(record: FoundRecord): ToldRecord {
    const age = this.clock.monotonic() - record.since;
    const { content } = record;
    if (content.kind === 'published') return { kind: 'published', age, payload: content.payload };
    return { kind: 'announced', age, announcer: announcerOf(record.source, content.peerId, content.addresses), peerId: content.peerId, addresses: content.addresses };
  }

  #told(answers: readonly Uint8Array[]): Dated[] {
    const told = answers.flatMap((answer) => parseRecords(answer)).map((record) => ({
      age: record.age,
      announcer: record.kind === 'announced' ? record.announcer : undefined,
      found: { connection: ELSEWHERE, content: record },
    }));
    return newestOfEach(told);
  }
}

/** A record, how old it is in milliseconds, and who announced it; undefined for a published one, which is of one connection. */
interface Dated {
  readonly age: number;
  readonly announcer: string | undefined;
  readonly found: Discovered;
}

/** `asked` is when the others were asked, on the clock of the records here. */
function merged(here: readonly FoundRecord[], asked: number, elsewhere: readonly Dated[]): readonly Discovered[] {
  if (elsewhere.length === 0) return here;
  const dated = here.map((record) => ({
    age: asked - record.since,
    announcer: record.content.kind === 'announced' ? announcerOf(record.source, record.content.peerId, record.content.addresses) : undefined,
    found: record,
  }));
  return newestOfEach([...dated, ...elsewhere]).map(({ found }) => found);
}

function newestOfEach(records: readonly Dated[]): Dated[] {
  const seen = new Set<string>();
  return records
    .toSorted((one, other) => one.age - other.age)
    .filter(({ announcer }) => announcer === undefined || (!seen.has(announcer) && seen.add(announcer)));
}

/** The announcer (J2): a source with the peer's id or, where there is none, its addresses. A hash: a source is an address. */
function announcerOf(source: string, peerId: string, addresses: readonly string[]): string {
  const who = [source, peerId, ...(peerId === '' ? [...new Set(addresses)].toSorted() : [])];
  return createHash('sha256').update(JSON.stringify(who)).digest('base64url');
}
