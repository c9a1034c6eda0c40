import type { TopicRecord } from './record-store.js';

/**
 * Returns the memory that a record takes in the heap, in bytes. The figures are measured in the worst case: a record
 * that is alone on its topic and the only one of its source. test/unit/records/record-cost.spec.ts compares them with
 * the heap.
 */
export function costOf({ topic, source, content }: TopicRecord): number {
  const strings = content.kind === 'published' ? [content.payload] : [content.peerId, ...content.addresses];
  return [topic, source, ...strings].reduce((sum, text) => sum + STRING_BYTES + memoryOf(text), RECORD_BYTES);
}

/** Objects, lists, and map entries of a record, with the maps at their emptiest. */
const RECORD_BYTES = 704;
/** A string without its characters, plus the reference to it. */
const STRING_BYTES = 32;

/** Bytes of the characters: one each, or two each if a single character needs two. */
function memoryOf(text: string): number {
  return /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length;
}
