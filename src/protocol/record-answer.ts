import { z } from 'zod';

/**
 * What one node tells another of the records that it holds for a topic (docs/protocol.md, N6), as JSON. Ages travel, not times:
 * the clocks of two nodes have nothing in common.
 */
export type ToldRecord = z.output<typeof told>;

/** In milliseconds. */
const age = z.number().min(0);
/** Who announced it, the same on every node; says nothing about him. */
const announcer = z.string().max(64);
const told = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('published'), age, payload: z.base64() }),
  z.object({
    kind: z.literal('announced'),
    age,
    announcer,
    peerId: z.string().regex(/^(?:[0-9a-f]{2})*$/i),
    addresses: z.custom<readonly string[]>((value) => Array.isArray(value) && value.every((address) => typeof address === 'string' && address.isWellFormed())),
  }),
]);
const answer = z.array(told).max(1024);

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

/** The records that another node told of; none when it is no such answer. Never throws. */
export function parseRecords(bytes: Uint8Array): readonly ToldRecord[] {
  try {
    return answer.safeParse(JSON.parse(Buffer.from(bytes).toString())).data ?? [];
  } catch {
    return [];
  }
}
