import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** STUN messages (RFC 8489, section 5), as pure functions: as much of them as asking a TURN server takes. */

/** Methods (RFC 8489, section 18.2; RFC 8656, section 17). */
export const METHOD = { binding: 0x001, allocate: 0x003, refresh: 0x004 } as const;

/** Classes (RFC 8489, section 5). */
export const CLASS = { request: 0, indication: 1, success: 2, error: 3 } as const;

/** Attributes (RFC 8489, section 18.3; RFC 8656, section 18). */
export const ATTRIBUTE = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  lifetime: 0x000d,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedTransport: 0x0019,
  xorMappedAddress: 0x0020,
  alternateServer: 0x8023,
  fingerprint: 0x8028,
} as const;

export const HEADER_BYTES = 20;
const COOKIE = 0x2112_a442;
const COOKIE_BYTES = Buffer.of(0x21, 0x12, 0xa4, 0x42);
const FINGERPRINT_XOR = 0x5354_554e;
const ATTRIBUTE_HEADER_BYTES = 4;
const INTEGRITY_BYTES = 20;
const TRANSACTION_BYTES = 12;

/** A message to send. */
export interface StunDraft {
  readonly method: number;
  readonly kind: number;
  /** 12 bytes that the answer repeats. */
  readonly transaction: Buffer;
  readonly attributes: readonly (readonly [type: number, value: Buffer])[];
}

/** A message that was read. */
export interface StunMessage {
  readonly method: number;
  readonly kind: number;
  readonly transaction: Buffer;
  /** The first one of each type: others are ignored (RFC 8489, section 14). */
  readonly attributes: ReadonlyMap<number, Buffer>;
  /** Whether MESSAGE-INTEGRITY is there and was made with this key. */
  signedWith(key: Buffer): boolean;
}

/** An address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The key of a long-term credential (RFC 8489, section 9.2.2). */
export function longTermKey(username: string, realm: Buffer, password: string): Buffer {
  return createHash('md5').update(`${username}:`).update(realm).update(`:${password}`).digest();
}

/** Encodes a message, with MESSAGE-INTEGRITY if there is a key. */
export function encodeStun({ method, kind, transaction, attributes }: StunDraft, key?: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(
    ((method & 0xf80) << 2) | ((kind & 2) << 7) | ((method & 0x70) << 1) | ((kind & 1) << 4) | (method & 0xf),
  );
  COOKIE_BYTES.copy(header, 4);
  transaction.copy(header, 8);
  const message = Buffer.concat([header, ...attributes.map(([type, value]) => attribute(type, value))]);
  if (key === undefined) return withLength(message, message.length);
  const signed = withLength(message, message.length + ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES);
  return Buffer.concat([
    signed,
    attribute(ATTRIBUTE.messageIntegrity, createHmac('sha1', key).update(signed).digest()),
  ]);
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(ATTRIBUTE_HEADER_BYTES + padded(value.length));
  bytes.writeUInt16BE(type);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/** The same bytes, with the length in the header of a message that is to have `total` bytes. */
function withLength(message: Buffer, total: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(total - HEADER_BYTES, 2);
  return copy;
}

/**
 * Returns how many bytes the message that begins here has; undefined if no STUN message begins so. Takes at least
 * HEADER_BYTES.
 */
export function stunLength(bytes: Buffer): number | undefined {
  const isStun = bytes[0] < 0x40 && bytes.readUInt32BE(4) === COOKIE && bytes.readUInt16BE(2) % 4 === 0;
  return isStun ? HEADER_BYTES + bytes.readUInt16BE(2) : undefined;
}

/**
 * Reads a message; undefined if these bytes are not exactly one, or its FINGERPRINT is wrong. Ignores what stands
 * behind MESSAGE-INTEGRITY, which anyone could have added, except FINGERPRINT.
 */
export function readStun(bytes: Buffer): StunMessage | undefined {
  if (bytes.length < HEADER_BYTES || stunLength(bytes) !== bytes.length) return undefined;
  const attributes = new Map<number, Buffer>();
  let signedBytes = 0;
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const type = bytes.readUInt16BE(at);
    const from = at + ATTRIBUTE_HEADER_BYTES;
    const length = bytes.readUInt16BE(at + 2);
    const next = from + padded(length);
    if (next > bytes.length) return undefined;
    const value = bytes.subarray(from, from + length);
    if (type === ATTRIBUTE.fingerprint) {
      if (length !== 4 || next !== bytes.length) return undefined;
      if (value.readUInt32BE() !== (crc32(bytes.subarray(0, at)) ^ FINGERPRINT_XOR) >>> 0) return undefined;
    } else if (signedBytes === 0 && !attributes.has(type)) {
      if (type === ATTRIBUTE.messageIntegrity) {
        if (length !== INTEGRITY_BYTES) return undefined;
        signedBytes = at;
      }
      attributes.set(type, value);
    }
    at = next;
  }
  const word = bytes.readUInt16BE();
  return {
    method: ((word >> 2) & 0xf80) | ((word >> 1) & 0x70) | (word & 0xf),
    kind: ((word >> 7) & 2) | ((word >> 4) & 1),
    transaction: bytes.subarray(8, 8 + TRANSACTION_BYTES),
    attributes,
    signedWith: (key) => {
      const integrity = attributes.get(ATTRIBUTE.messageIntegrity);
      if (integrity === undefined) return false;
      const covered = withLength(
        bytes.subarray(0, signedBytes),
        signedBytes + ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES,
      );
      return timingSafeEqual(createHmac('sha1', key).update(covered).digest(), integrity);
    },
  };
}

/** Reads an address in the form of XOR-MAPPED-ADDRESS (RFC 8489, section 14.2); undefined if there is none. */
export function xorAddressIn({ attributes, transaction }: StunMessage, type: number): Endpoint | undefined {
  const value = attributes.get(type);
  return value === undefined ? undefined : endpoint(value, Buffer.concat([COOKIE_BYTES, transaction]));
}

/** Reads an address in the form of MAPPED-ADDRESS (RFC 8489, section 14.1); undefined if there is none. */
export function addressIn({ attributes }: StunMessage, type: number): Endpoint | undefined {
  const value = attributes.get(type);
  return value === undefined ? undefined : endpoint(value, Buffer.alloc(COOKIE_BYTES.length + TRANSACTION_BYTES));
}

function endpoint(value: Buffer, mask: Buffer): Endpoint | undefined {
  if (value.length < 4) return undefined;
  const family = value[1];
  const isFourByte = family === 1 && value.length === 8;
  if (!isFourByte && !(family === 2 && value.length === 20)) return undefined;
  const port = value.readUInt16BE(2) ^ mask.readUInt16BE();
  const address = value.subarray(4).map((byte, index) => byte ^ mask[index]);
  if (isFourByte) return { address: address.join('.'), port };
  const groups = Array.from({ length: 8 }, (_, index) =>
    Buffer.from(address)
      .readUInt16BE(index * 2)
      .toString(16),
  );
  return { address: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1), port };
}

/** Reads ERROR-CODE (RFC 8489, section 14.8), such as 401; undefined if there is none. */
export function errorCodeIn({ attributes }: StunMessage): number | undefined {
  const value = attributes.get(ATTRIBUTE.errorCode);
  if (value === undefined || value.length < 4) return undefined;
  const hundreds = value[2] & 7;
  return hundreds >= 3 && hundreds <= 6 && value[3] < 100 ? hundreds * 100 + value[3] : undefined;
}
