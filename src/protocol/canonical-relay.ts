import { isUtf8 } from 'node:buffer';

/**
 * The fast path: recognises a canonical Relay (R4) in place, without copying its payload or building an object. Does
 * not judge frames that are not canonical: those belong to the strict reader.
 * Invariant: this finds a topic exactly when the strict reader reads the frame as a Relay and encodes it back
 * unchanged.
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

/**
 * The topic of `frame` when it is a canonical Relay from its first byte to its last; otherwise undefined.
 * Never throws. Takes time in the length of the topic, not of the payload.
 */
export function canonicalRelayTopic(frame: Buffer): string | undefined {
  const end = frame.length;
  if (
    end < SHORTEST_FRAME ||
    word(frame, 0) !== PREFIX_0 ||
    word(frame, 4) !== PREFIX_4 ||
    word(frame, 8) !== PREFIX_8 ||
    half(frame, 12) !== PREFIX_12
  ) {
    return undefined;
  }

  let at = TOPIC_HEAD_AT;
  const topicHead = frame[at];
  let length: number;
  if (topicHead >= 0x60 && topicHead < 0x78) {
    length = topicHead - 0x60;
    at += 1;
  } else if (topicHead === 0x78) {
    length = frame[at + 1];
    if (length < 24) return undefined;
    at += 2;
  } else if (topicHead === 0x79) {
    length = half(frame, at + 1);
    if (length < 0x100) return undefined;
    at += 3;
  } else if (topicHead === 0x7a) {
    length = word(frame, at + 1);
    if (length < 0x1_0000) return undefined;
    at += 5;
  } else {
    return undefined;
  }

  const topicAt = at;
  const keyAt = topicAt + length;
  if (keyAt + KEY_LENGTH >= end || word(frame, keyAt) !== KEY_0 || word(frame, keyAt + 4) !== KEY_4) return undefined;

  at = keyAt + KEY_LENGTH;
  const left = end - at;
  const payloadHead = frame[at];
  if (payloadHead >= 0x40 && payloadHead < 0x58) {
    if (left - 1 !== payloadHead - 0x40) return undefined;
  } else if (payloadHead === 0x58) {
    length = left - 2;
    if (length < 24 || length !== frame[at + 1]) return undefined;
  } else if (payloadHead === 0x59) {
    length = left - 3;
    if (length < 0x100 || length !== half(frame, at + 1)) return undefined;
  } else if (payloadHead === 0x5a) {
    length = left - 5;
    if (length < 0x1_0000 || length !== word(frame, at + 1)) return undefined;
  } else {
    return undefined;
  }

  return text(frame, topicAt, keyAt);
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
