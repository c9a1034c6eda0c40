import { fieldsOf, stringAt, stringsAt } from './json-fields.js';
import type { Span } from './json-fields.js';

/**
 * The JSON messages of the published cairn libraries (docs/protocol.md, section 2), as values. This module knows their
 * shape. The signaling domain knows their effect.
 */
export type RendezvousMessage = Publish | Announce | Query;

/** Leaves bytes on a topic, while this connection lives. */
export interface Publish {
  readonly type: 'publish';
  readonly topic: string;
  /** Base64, as it came. The record holds this text, and a result returns it. */
  readonly payload: string;
}

/** Leaves addresses on a topic. */
export interface Announce {
  readonly type: 'announce';
  readonly topic: string;
  /** Hex; empty when the message has none. */
  readonly peer_id: string;
  /** At most MOST_ADDRESSES + 1, so that the excess shows. */
  readonly addresses: readonly string[];
}

/** Asks for the records that other peers have left on a topic. */
export interface Query {
  readonly type: 'query';
  readonly topic: string;
}

/** A message of a known type that the server cannot carry out as it is (J7). */
export interface Malformed {
  readonly type: 'malformed';
  /** Present only when the message had one. */
  readonly topic: string | undefined;
  /** What is wrong with the message. Quotes nothing from it. */
  readonly fault: string;
}

/** Addresses that one announcement may have, far more than a peer needs. */
export const MOST_ADDRESSES = 1024;

/** Size of an announced record, in bytes, as the limit counts it. */
export function announcedBytes(peerId: string, addresses: readonly string[]): number {
  return addresses.reduce((sum, address) => sum + Buffer.byteLength(address), peerId.length);
}

const NAMES = ['type', 'topic', 'payload', 'peer_id', 'addresses'] as const;

/**
 * Reads a message from UTF-8 text, or says why the server cannot carry it out. Undefined for text that is not JSON or
 * has no known type: the server does not answer those. Never throws.
 */
export function parseRendezvousMessage(json: Buffer): RendezvousMessage | Malformed | undefined {
  const fields = fieldsOf(json, NAMES);
  if (fields === undefined) return undefined;
  const read = (name: (typeof NAMES)[number]): string | undefined =>
    optional(fields.get(name), (span) => stringAt(json, span));
  const type = read('type');
  if (type !== 'publish' && type !== 'announce' && type !== 'query') return undefined;

  const topic = read('topic');
  if (topic === undefined) return malformed(undefined, 'topic must be a string');
  // JSON can spell half a surrogate pair, which UTF-8 cannot carry.
  if (!topic.isWellFormed()) return malformed(undefined, 'topic is not Unicode text');
  if (type === 'query') return { type, topic };

  if (type === 'publish') {
    const payload = read('payload');
    return payload === undefined || !isBase64(payload)
      ? malformed(topic, 'payload must be base64 with padding')
      : { type, topic, payload };
  }

  const peerId = fields.has('peer_id') ? read('peer_id') : '';
  if (peerId === undefined) return malformed(topic, 'peer_id must be a string');
  if (!isHex(peerId)) return malformed(topic, 'peer_id must be hex');
  const addresses = optional(fields.get('addresses'), (span) => stringsAt(json, span, MOST_ADDRESSES + 1));
  if (addresses?.every((address) => address.isWellFormed()) !== true) {
    return malformed(topic, 'addresses must be a list of strings');
  }
  return { type, topic, peer_id: peerId, addresses };
}

function malformed(topic: string | undefined, fault: string): Malformed {
  return { type: 'malformed', topic, fault };
}

function optional<T>(span: Span | undefined, read: (span: Span) => T): T | undefined {
  return span === undefined ? undefined : read(span);
}

/** RFC 4648, section 4, with padding. */
function isBase64(text: string): boolean {
  const digits = text.search(/[^A-Za-z0-9+/]/);
  return text.length % 4 === 0 && (digits === -1 || ['=', '=='].includes(text.slice(digits)));
}

function isHex(text: string): boolean {
  return text.length % 2 === 0 && !/[^0-9a-fA-F]/.test(text);
}
