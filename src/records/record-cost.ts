import type { TopicRecord } from './record-store.js';

/**
 * Memory that a record takes in the heap, in bytes: measured on the record that costs most for what it holds, alone on its
 * topic and of its source (test/unit/records/record-cost.spec.ts holds the figure to the heap).
 */
export function costOf({ topic, source, content }: TopicRecord): number {
  const strings = content.kind === 'published' ? [content.payload] : [content.peerId, ...content.addresses];
  return [topic, source, ...strings].reduce((sum, text) => sum + STRING_BYTES + memoryOf(text), RECORD_BYTES);
}

/** Objects, lists, and entries of maps at their emptiest. */
const RECORD_BYTES = 704;
/** A string besides its characters, and the place that refers to it. */
const STRING_BYTES = 32;

/** One byte a character, or two as soon as one character needs it. */
function memoryOf(text: string): number {
  return /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length;
}
