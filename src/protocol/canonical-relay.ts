import { isUtf8 } from 'node:buffer';
import { MEMBER_BYTES } from './member.js';
import type { MemberId } from './member.js';

/**
 * The fast path: recognises a canonical Relay (R4) in place, without copying its payload or building an object for it.
 * Does not judge frames that are not canonical: those belong to the strict reader.
 * Invariant: this finds a Relay exactly when the strict reader reads the frame as one and encodes it back unchanged.
 */

// a1 65 "Relay" a2 65 "topic", the 14 bytes that every canonical Relay begins with, as big-endian words.
const PREFIX_0 = 0xa1655265; // {1  "Re
const PREFIX_4 = 0x6c6179a2; // lay" {2
const PREFIX_8 = 0x65746f70; // "top
const PREFIX_12 = 0x6963; //    ic"
const TOPIC_HEAD_AT = 14;

// 67 "payload", the 8 bytes between the topic and the head of the payload.
const KEY_0 = 0x67706179; // "pay
const KEY_4 = 0x6c6f6164; // load"
const KEY_LENGTH = 8;

const SHORTEST_FRAME = TOPIC_HEAD_AT + 1 + KEY_LENGTH + 1;

/** Where the head of the fields is, and what it is with the two fields of cairn-signal. */
const FIELDS_AT = 7;
const TWO_FIELDS = 0xa2;

// 62 "id", and 62 "to" with the head of a member id.
const ID = 0x626964;
const TO = 0x62746f48;
const ID_KEY_LENGTH = 3;
const TO_KEY_LENGTH = 4;

/** Where something is that is not there. */
const NOWHERE = -1;

/** Where the topic of the last frame begins and ends. Variables, since an object for each frame would cost more. */
let topicAt = 0;
let topicEnd = 0;

/**
 * The topic of `frame` when it is a canonical Relay from its first byte to its last; otherwise undefined.
 * Never throws. Takes time in the length of the topic, not of the payload.
 */
export function canonicalRelayTopic(frame: Buffer): string | undefined {
  return payloadEnd(frame, PREFIX_4) === frame.length ? text(frame, topicAt, topicEnd) : undefined;
}

/** A canonical Relay with an id, a receiver, or both. */
export interface CanonicalRelayRequest {
  readonly topic: string;
  readonly id: number | undefined;
  readonly to: MemberId | undefined;
  /** Where the payload ends, and with it what other receivers get. */
  readonly end: number;
}

/**
 * The same for a canonical Relay of cairn-signal.v2 that has an id, a receiver, or both, in that order behind the
 * payload. One that has neither is canonicalRelayTopic's.
 */
export function canonicalRelayRequest(frame: Buffer): CanonicalRelayRequest | undefined {
  const more = frame[FIELDS_AT] - TWO_FIELDS;
  if (more !== 1 && more !== 2) return undefined;
  const end = payloadEnd(frame, PREFIX_4 + more);
  if (end === NOWHERE || end + ID_KEY_LENGTH >= frame.length) return undefined;

  let at = end;
  let id: number | undefined;
  if (((half(frame, at) << 8) | frame[at + 2]) === ID) {
    id = shortestUint(frame, at + ID_KEY_LENGTH);
    if (id === NOWHERE) return undefined;
    at += ID_KEY_LENGTH + (id < 24 ? 1 : id < 0x100 ? 2 : id < 0x1_0000 ? 3 : id <= 0xffff_ffff ? 5 : 9);
  }
  let to: MemberId | undefined;
  if (word(frame, at) === TO) {
    at += TO_KEY_LENGTH;
    to = frame.toString('latin1', at, at + MEMBER_BYTES);
    at += MEMBER_BYTES;
  }
  if (at !== frame.length || (id !== undefined && to !== undefined ? 2 : 1) !== more) return undefined;

  const topic = text(frame, topicAt, topicEnd);
  return topic === undefined ? undefined : { topic, id, to, end };
}

/**
 * The canonical Relay of cairn-signal in a frame in which canonicalRelayRequest found one that ends at `end`. Changes
 * the frame, which is then no message any more, and shares its memory.
 */
export function relayWithin(frame: Buffer, end: number): Buffer {
  frame[FIELDS_AT] = TWO_FIELDS;
  return frame.subarray(0, end);
}

/**
 * Where the payload of a Relay ends that is canonical up to there, and where its topic is. `prefix4` holds the number of
 * its fields. The end may be beyond the frame.
 */
function payloadEnd(frame: Buffer, prefix4: number): number {
  if (
    frame.length < SHORTEST_FRAME ||
    word(frame, 0) !== PREFIX_0 ||
    word(frame, 4) !== prefix4 ||
    word(frame, 8) !== PREFIX_8 ||
    half(frame, 12) !== PREFIX_12
  ) {
    return NOWHERE;
  }

  let at = TOPIC_HEAD_AT;
  const topicHead = frame[at];
  let length: number;
  if (topicHead >= 0x60 && topicHead < 0x78) {
    length = topicHead - 0x60;
    at += 1;
  } else if (topicHead === 0x78) {
    length = frame[at + 1];
    if (length < 24) return NOWHERE;
    at += 2;
  } else if (topicHead === 0x79) {
    length = half(frame, at + 1);
    if (length < 0x100) return NOWHERE;
    at += 3;
  } else if (topicHead === 0x7a) {
    length = word(frame, at + 1);
    if (length < 0x1_0000) return NOWHERE;
    at += 5;
  } else {
    return NOWHERE;
  }

  topicAt = at;
  topicEnd = at + length;
  at = topicEnd + KEY_LENGTH;
  if (at >= frame.length || word(frame, topicEnd) !== KEY_0 || word(frame, topicEnd + 4) !== KEY_4) return NOWHERE;

  const payloadHead = frame[at];
  if (payloadHead >= 0x40 && payloadHead < 0x58) {
    return at + 1 + (payloadHead - 0x40);
  } else if (payloadHead === 0x58) {
    length = frame[at + 1];
    return length < 24 ? NOWHERE : at + 2 + length;
  } else if (payloadHead === 0x59) {
    length = half(frame, at + 1);
    return length < 0x100 ? NOWHERE : at + 3 + length;
  } else if (payloadHead === 0x5a) {
    length = word(frame, at + 1);
    return length < 0x1_0000 ? NOWHERE : at + 5 + length;
  }
  return NOWHERE;
}

/** The integer at `at`, at most 2^53-1, if its head is the shortest. */
function shortestUint(frame: Buffer, at: number): number {
  const head = frame[at];
  if (head < 24) return head;
  if (head === 0x18) return frame[at + 1] < 24 ? NOWHERE : frame[at + 1];
  if (head === 0x19) {
    const value = half(frame, at + 1);
    return value < 0x100 ? NOWHERE : value;
  }
  if (head === 0x1a) {
    const value = word(frame, at + 1);
    return value < 0x1_0000 ? NOWHERE : value;
  }
  if (head === 0x1b) {
    const high = word(frame, at + 1);
    return high === 0 || high > 0x1f_ffff ? NOWHERE : high * 0x1_0000_0000 + word(frame, at + 5);
  }
  return NOWHERE;
}

/** Four bytes as an unsigned number. Bytes beyond the frame read as zeros. */
function word(frame: Buffer, at: number): number {
  return ((frame[at] << 24) | (frame[at + 1] << 16) | (frame[at + 2] << 8) | frame[at + 3]) >>> 0;
}

function half(frame: Buffer, at: number): number {
  return (frame[at] << 8) | frame[at + 1];
}

/** The text between two offsets, or undefined when the bytes are not UTF-8. */
function text(frame: Buffer, from: number, to: number): string | undefined {
  const decoded = frame.toString('utf8', from, to);
  // Decoding replaces invalid UTF-8 by U+FFFD, so only a text with a U+FFFD needs the check.
  if (decoded.includes('\ufffd') && !isUtf8(frame.subarray(from, to))) return undefined;
  return decoded;
}
