import { z } from 'zod';
import { announcedBytes, MOST_ADDRESSES } from './rendezvous-message.js';

/**
 * The records that one node holds for a topic, as it tells them to another node in JSON (docs/protocol.md, N6). Records
 * carry ages, not times, because the clocks of two nodes may differ.
 */
export type ToldRecord = z.output<typeof told>;

/** Most bytes that a node tells about one topic. */
export const MOST_TOLD_BYTES = 512 * 1024;

/** Bounds of the records that peers can leave on a node with the same settings. */
export interface RecordBounds {
  /** Most records on a topic. */
  readonly perTopic: number;
  /** Most bytes published, or bytes of a peer's id and addresses. */
  readonly bytes: number;
  /** Most bytes of the message that brought a record. */
  readonly messageBytes: number;
  /** Highest age of an announced record, in milliseconds. A published one lives as long as its connection. */
  readonly ttl: number;
}

/** Age in milliseconds. */
const age = z.number().min(0);
/** Identifies the announcer, the same on every node. A SHA-256, which reveals nothing about the peer. */
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

/** Encodes records, newest first, as many as fit into `most` bytes. */
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
  // Written straight into one buffer. Joining them into one string first would copy them twice more.
  const bytes = Buffer.allocUnsafe(length);
  let at = bytes.write('[');
  for (const [i, text] of texts.entries()) {
    if (i > 0) at += bytes.write(',', at);
    at += bytes.write(text, at);
  }
  bytes.write(']', at);
  return bytes;
}

/**
 * Reads the records that another node told; undefined for any other message, and for records that no peer could have
 * left. Never throws.
 */
export function parseRecords(bytes: Uint8Array, bounds: RecordBounds): readonly ToldRecord[] | undefined {
  const values = listIn(bytes);
  if (values === undefined || values.length > bounds.perTopic) return undefined;
  const records: ToldRecord[] = [];
  // Checks one by one and stops at the first bad record. The sender on the bus chooses what this costs.
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
