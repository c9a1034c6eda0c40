import { z } from 'zod';
import { announcedBytes, MOST_ADDRESSES } from './rendezvous-message.js';

/**
 * What one node tells another of the records that it holds for a topic (docs/protocol.md, N6), as JSON. Ages travel, not times:
 * the clocks of two nodes have nothing in common.
 */
export type ToldRecord = z.output<typeof told>;

/** The most bytes that a node says of one topic. */
export const MOST_TOLD_BYTES = 512 * 1024;

/** What some peer could have left on a node with the same settings. */
export interface RecordBounds {
  /** Records on a topic. */
  readonly perTopic: number;
  /** Bytes published, or bytes of a peer's id and addresses. */
  readonly bytes: number;
  /** Bytes of the message that a record came in. */
  readonly messageBytes: number;
  /** How old an announced record can be, in milliseconds; a published one lives as long as its connection. */
  readonly ttl: number;
}

/** In milliseconds. */
const age = z.number().min(0);
/** Who announced it, the same on every node; says nothing about him: a SHA-256. */
const announcer = z.string().regex(/^[\w-]{43}$/);
const told = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('published'), age, payload: z.base64() }),
  z.object({
    kind: z.literal('announced'),
    age,
    announcer,
    peerId: z.string().regex(/^(?:[0-9a-f]{2})*$/i),
    addresses: z.custom<readonly string[]>(
      (value) =>
        Array.isArray(value) &&
        value.length <= MOST_ADDRESSES &&
        value.every((address) => typeof address === 'string' && address.isWellFormed()),
    ),
  }),
]);

/** Of records, newest first, as many as fit into `most` bytes. */
export function encodeRecords(records: readonly ToldRecord[], most: number): Buffer {
  const texts: string[] = [];
  let length = 2;
  for (const record of records) {
    const text = JSON.stringify(record);
    const needed = Buffer.byteLength(text) + (texts.length === 0 ? 0 : 1);
    if (length + needed > most) break;
    length += needed;
    texts.push(text);
  }
  // Into one piece of memory at once: joined as one text they would be copied twice more.
  const bytes = Buffer.allocUnsafe(length);
  let at = bytes.write('[');
  for (const [i, text] of texts.entries()) {
    if (i > 0) at += bytes.write(',', at);
    at += bytes.write(text, at);
  }
  bytes.write(']', at);
  return bytes;
}

/** The records that another node told of; undefined when it is no such answer, or tells of what no peer could have left. Never throws. */
export function parseRecords(bytes: Uint8Array, bounds: RecordBounds): readonly ToldRecord[] | undefined {
  const values = listIn(bytes);
  if (values === undefined || values.length > bounds.perTopic) return undefined;
  const records: ToldRecord[] = [];
  // One by one, since the first that is none ends it: whoever writes to the bus chooses what this costs.
  for (const value of values) {
    const { data } = told.safeParse(value);
    if (data === undefined || !couldBeLeft(data, bounds)) return undefined;
    records.push(data);
  }
  return records;
}

function listIn(bytes: Uint8Array): readonly unknown[] | undefined {
  if (bytes.length > MOST_TOLD_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function couldBeLeft(record: ToldRecord, { bytes, messageBytes, ttl }: RecordBounds): boolean {
  if (record.kind === 'published') {
    return Buffer.byteLength(record.payload, 'base64') <= bytes && record.payload.length <= messageBytes;
  }
  const { peerId, addresses } = record;
  return record.age <= ttl && announcedBytes(peerId, addresses) <= Math.min(bytes, messageBytes);
}
