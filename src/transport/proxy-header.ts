import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from '../connection/source.js';

/** A PROXY header, version 1 or 2 (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt). */
export interface ProxyHeader {
  /** Bytes of it. What follows is the peer's. */
  readonly length: number;
  /** The address of the peer; undefined where the proxy speaks for itself, or does not say. */
  readonly address: string | undefined;
}

const [V1_START, V2_START] = ['PROXY ', '\r\n\r\n\0\r\nQUIT\n'].map((text) => Buffer.from(text)) as [Buffer, Buffer];
/** Longest header of version 1, its line end included. */
const V1_MOST_BYTES = 107;
/** The signature, a byte for version and command, one for the family, and two for the length of the rest. */
const V2_FIXED_BYTES = V2_START.length + 4;
/** Longest header of version 2 that is taken. It may carry extensions: AWS adds 84 bytes, and HAProxy a few hundred. */
const V2_MOST_BYTES = 4096;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
/** TCP over IPv4 and IPv6: the length of both addresses and ports, and how an address is written. */
const V2_FAMILIES: Readonly<Record<number, { readonly bytes: number; readonly text: (bytes: Buffer) => string }>> = {
  0x11: { bytes: 12, text: (bytes) => bytes.subarray(0, 4).join('.') },
  0x21: { bytes: 36, text: ipv6 },
};

/** An IPv6 address as it is commonly written (RFC 5952). */
function ipv6(bytes: Buffer): string {
  const groups = bytes.toString('hex', 0, 16).match(/.{4}/g)!;
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Whether a connection that began with these bytes began with a PROXY header; undefined where more bytes must tell. */
export function beginsWithProxyHeader(bytes: Buffer): boolean | undefined {
  for (const start of [V1_START, V2_START]) {
    const known = Math.min(bytes.length, start.length);
    if (bytes.subarray(0, known).equals(start.subarray(0, known))) return known === start.length || undefined;
  }
  return false;
}

/**
 * Reads the header at the start of a connection. Undefined while it is not whole; 'absent' or 'malformed' if there is
 * none.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'absent' | 'malformed' | undefined {
  const begins = beginsWithProxyHeader(bytes);
  if (begins !== true) return begins === false ? 'absent' : undefined;
  return bytes[0] === V1_START[0] ? readV1(bytes) : readV2(bytes);
}

function readV1(bytes: Buffer): ProxyHeader | 'malformed' | undefined {
  const end = bytes.subarray(0, V1_MOST_BYTES).indexOf('\r\n');
  if (end === -1) return bytes.length < V1_MOST_BYTES ? undefined : 'malformed';
  const [, protocol, address = '', destination = '', ...ports] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (protocol === 'UNKNOWN') return { length, address: undefined };
  const isAddress = { TCP4: isIPv4, TCP6: isIPv6 }[protocol];
  const valid = isAddress?.(address) === true && isAddress(destination) && ports.length === 2 && ports.every(isPort);
  return valid ? { length, address: plainAddress(address) } : 'malformed';
}

function isPort(written: string): boolean {
  return /^\d{1,5}$/.test(written) && Number(written) <= 65_535;
}

function readV2(bytes: Buffer): ProxyHeader | 'malformed' | undefined {
  if (bytes.length < V2_FIXED_BYTES) return undefined;
  const command = bytes[V2_START.length];
  const family = V2_FAMILIES[bytes[V2_START.length + 1]];
  const rest = bytes.readUInt16BE(V2_START.length + 2);
  const length = V2_FIXED_BYTES + rest;
  if ((command !== V2_LOCAL && command !== V2_PROXY) || length > V2_MOST_BYTES) return 'malformed';
  if (command === V2_PROXY && family !== undefined && rest < family.bytes) return 'malformed';
  if (bytes.length < length) return undefined;
  // Addresses of a proxy that speaks for itself mean nothing; nor do those of families that peers do not come by.
  if (command === V2_LOCAL || family === undefined) return { length, address: undefined };
  return { length, address: plainAddress(family.text(bytes.subarray(V2_FIXED_BYTES))) };
}
