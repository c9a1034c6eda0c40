import { Encoder } from '#cbor-x';
import type { ErrorCode } from './error-codes.js';
import { MEMBER_BYTES } from './member.js';
import type { MemberId } from './member.js';
import { binaryFrame, LONGEST_HEAD } from './websocket-frame.js';

/**
 * What the server says to peers of cairn-signal.v2 (docs/protocol.md, section 12). Each function returns the bytes of
 * one message in its only form: definite lengths, shortest heads, the fields in the order of the CDDL, and none that is
 * absent. Numbers are integers from 0 to 2^53-1.
 */

const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

/** The limits that hold for a peer; 0 where there is none. */
export interface PeerLimits {
  /** Bytes of a message, and of a topic. */
  readonly message: number;
  readonly topic: number;
  /** Topics of the connection. */
  readonly topics: number;
  /** Messages a second in the long run, and in one go (L1). */
  readonly rate: number;
  readonly burst: number;
  /** Bytes of a member's data (V5), and members of which a list is told (V4). */
  readonly data: number;
  readonly members: number;
}

export interface Welcome {
  /** Name and version of the server. */
  readonly server: string;
  /** What the log calls the connection. */
  readonly connection: string;
  /** The peer's own address as the server sees it (L7). */
  readonly address?: string | undefined;
  /** Milliseconds of silence before the server asks (V9); 0 for never. */
  readonly heartbeat: number;
  readonly features: readonly string[];
  readonly limits: PeerLimits;
}

/** The first message (V1). */
export function welcome({ server, connection, address, heartbeat, features, limits }: Welcome): Buffer {
  const { message, topic, topics, rate, burst, data, members: most } = limits;
  return encoder.encode({
    Welcome: {
      server,
      connection,
      ...(address !== undefined && { address }),
      heartbeat: uint(heartbeat),
      features,
      limits: {
        message: uint(message),
        topic: uint(topic),
        topics: uint(topics),
        rate: uint(rate),
        burst: uint(burst),
        data: uint(data),
        members: uint(most),
      },
    },
  });
}

/** A member, and its own data (V5) if it has any. */
export interface ListedMember {
  readonly id: MemberId;
  readonly data?: Uint8Array | undefined;
}

/** What is new about the members of a topic (V4). */
export interface MembersNews {
  readonly count: number;
  /** The peer that is told: the list is then a full one. */
  readonly self?: MemberId | undefined;
  readonly joined?: readonly ListedMember[] | undefined;
  readonly left?: readonly MemberId[] | undefined;
  /** Whether members of other nodes may be missing (V12). */
  readonly partial?: boolean | undefined;
}

/** The members of a topic, or what has changed about them (V4). */
export function members(topic: string, { count, self, joined, left, partial }: MembersNews): Buffer {
  return encoder.encode({
    Members: {
      topic,
      count: uint(count),
      ...(self !== undefined && { self: member(self) }),
      ...(joined !== undefined && { joined: joined.map(listed) }),
      ...(left !== undefined && { left: left.map(member) }),
      ...(partial === true && { partial }),
    },
  });
}

function listed({ id, data }: ListedMember): object {
  return data === undefined ? { id: member(id) } : { id: member(id), data };
}

export interface Refusal {
  readonly id?: number | undefined;
  readonly topic?: string | undefined;
  readonly code: ErrorCode;
  /** A sentence for people. */
  readonly message: string;
  /** Milliseconds after which it may be tried again. */
  readonly retry?: number | undefined;
}

/** Answers a request that was not done (V2). */
export function error({ id, topic, code, message, retry }: Refusal): Buffer {
  return encoder.encode({
    Error: {
      ...(id !== undefined && { id: uint(id) }),
      ...(topic !== undefined && { topic }),
      code,
      message,
      ...(retry !== undefined && { retry: uint(retry) }),
    },
  });
}

/** One entry of what `new RTCPeerConnection` takes as iceServers. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
}

/** Answers IceServers (V11). The credentials hold for `ttl` seconds. */
export function iceServers(id: number, ttl: number, servers: readonly IceServer[]): Buffer {
  return encoder.encode({
    IceServers: {
      id: uint(id),
      ttl: uint(ttl),
      servers: servers.map(({ urls, username, credential }) => ({
        urls,
        ...(username !== undefined && { username }),
        ...(credential !== undefined && { credential }),
      })),
    },
  });
}

/** Says that the server goes away: the peer shall connect again after `retry` milliseconds (V10). */
export function drain(retry: number): Buffer {
  return encoder.encode({ Drain: { retry: uint(retry) } });
}

function member(id: MemberId): Buffer {
  return Buffer.from(id, 'latin1');
}

/** A number as cbor-x writes it as an integer: it would write one of more than 32 bits as a float. */
function uint(value: number): number | bigint {
  return value > 0xffff_ffff ? BigInt(value) : value;
}

// --- what is sent for nearly every message: written byte by byte, several times as fast as by the encoder

const named = (text: string): Buffer => Buffer.from([0x60 + text.length, ...Buffer.from(text)]);

const [ACK, PING, PONG] = ['Ack', 'Ping', 'Pong'].map((name) => Buffer.concat([Buffer.from([0xa1]), named(name)]));
const ID = named('id');
const TO = named('to');
const TO_TRUE = Buffer.concat([TO, Buffer.from([0xf5])]);
const PARTIAL_TRUE = Buffer.concat([named('partial'), Buffer.from([0xf5])]);
/** 64 "from", and the head of a member id. */
const FROM = Buffer.of(0x64, 0x66, 0x72, 0x6f, 0x6d, 0x48);

/** Longer than the longest of these messages. */
const scratch = Buffer.allocUnsafe(64);

/**
 * Answers a request that was done (V2). `to` says to how many members a Relay was handed on (V6), and `partial` that
 * members of other nodes may be missing in that (V12).
 */
export function ack(id: number, to?: number, partial = false): Buffer {
  let at = bytesAt(0, ACK);
  scratch[at++] = 0xa1 + (to === undefined ? 0 : 1) + (partial ? 1 : 0);
  at = uintAt(bytesAt(at, ID), id);
  if (to !== undefined) at = uintAt(bytesAt(at, TO), to);
  if (partial) at = bytesAt(at, PARTIAL_TRUE);
  return written(at);
}

/** Asks the peer for a sign of life (V9). */
export function ping(id?: number): Buffer {
  return withId(PING, id);
}

/** Answers a Ping (V9). */
export function pong(id?: number): Buffer {
  return withId(PONG, id);
}

/** The WebSocket frame of a Ping without id. */
export const PING_FRAME = binaryFrame(ping());

function withId(start: Buffer, id: number | undefined): Buffer {
  let at = bytesAt(0, start);
  scratch[at++] = id === undefined ? 0xa0 : 0xa1;
  if (id !== undefined) at = uintAt(bytesAt(at, ID), id);
  return written(at);
}

/** Most bytes of a frame besides the canonical Relay in it. */
export const ROOM_OF_RELAY = LONGEST_HEAD + FROM.length + MEMBER_BYTES + TO_TRUE.length;
/** Where the head of the fields is in a canonical Relay: a map of two. */
const FIELDS_AT = 7;

/**
 * The frame of the Relay that a peer of cairn-signal.v2 gets, from the canonical one that others get: with the member that
 * it is from (V7), and with `to` where it is for the receiver alone (V8). `memory` is for the frame, and has
 * ROOM_OF_RELAY bytes more than the Relay.
 */
export function relayFrame(relay: Uint8Array, from?: MemberId, to = false, memory?: Buffer): Buffer {
  const room = (from === undefined ? 0 : FROM.length + from.length) + (to ? TO_TRUE.length : 0);
  const frame = binaryFrame(relay, room, memory);
  const fieldsAt = frame.length - room - relay.length + FIELDS_AT;
  let at = frame.length - room;
  if (from !== undefined) {
    frame[fieldsAt] += 1;
    frame.set(FROM, at);
    at += FROM.length;
    at += frame.write(from, at, 'latin1');
  }
  if (to) {
    frame[fieldsAt] += 1;
    frame.set(TO_TRUE, at);
  }
  return frame;
}

/** Writes `bytes` at `at`. Returns where they end. */
function bytesAt(at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) scratch[at + i] = bytes[i];
  return at + bytes.length;
}

/** Writes an integer with the shortest head. Returns where it ends. */
function uintAt(at: number, value: number): number {
  if (value < 24) {
    scratch[at] = value;
    return at + 1;
  }
  const size = value < 0x100 ? 1 : value < 0x1_0000 ? 2 : value <= 0xffff_ffff ? 4 : 8;
  scratch[at] = size === 1 ? 0x18 : size === 2 ? 0x19 : size === 4 ? 0x1a : 0x1b;
  let rest = value;
  for (let i = at + size; i > at; i--) {
    scratch[i] = rest & 0xff;
    rest = Math.floor(rest / 256);
  }
  return at + size + 1;
}

function written(end: number): Buffer {
  return Buffer.from(scratch.subarray(0, end));
}
