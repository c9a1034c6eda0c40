import { messageIn } from '../../../src/protocol/websocket-frame.js';
import { Decoder } from 'cbor-x';
import { describe, expect, it } from '@jest/globals';
import { canonicalRelayRequest, canonicalRelayTopic, relayWithin } from '../../../src/protocol/canonical-relay.js';
import { encodeMessage } from '../../../src/protocol/message.js';
import type { Request, Unreadable } from '../../../src/protocol/request.js';
import * as response from '../../../src/protocol/response.js';
import { readMessage, readRequest } from '../../../src/protocol/strict-reader.js';
import { frames, vectors as v1Vectors } from '../../support/relay-frames.js';
import { filled, responses, vectors } from '../../support/v2-vectors.js';
import type { VectorMessage } from '../../support/v2-vectors.js';

const IDS = new Map([
  ['A', 'a0a1a2a3a4a5a6a7'],
  ['B', '00b1b2b3b4b5b6ff'],
  ['C', 'c0c1c2c3c4c5c6c7'],
]);
const decoder = new Decoder({ mapsAsObjects: true });

/** What answers a request. */
interface Answer {
  readonly Ack?: { readonly id: number };
  readonly Error?: { readonly id?: number; readonly code: string };
  readonly Pong?: { readonly id?: number };
}

const answersOf = (out: readonly VectorMessage[]): Answer[] =>
  out
    .filter((message) => typeof message === 'string')
    .map((message) => plain(decoder.decode(filled(message.replaceAll('<text>', '60'), IDS))) as Answer);

type Verdict = readonly [read: string, id: number | undefined];

/** What the reader must have found for a vector to have this answer. */
function verdictBehind({ Ack: ack, Error: error, Pong: pong }: Answer): Verdict[] {
  const answer = ack ?? error ?? pong;
  if (answer === undefined) return [];
  const unreadable = error?.code === 'malformed' || error?.code === 'unsupported';
  return [[unreadable ? error.code : 'read', answer.id]];
}

/** What is answered whatever it is: what has an id and is no Pong, and what cannot be read. */
const isAnswered = ([read, id]: Verdict): boolean => read !== 'read' || id !== undefined;

const binary = vectors.filter(({ in: sent }) => sent.every((message) => typeof message === 'string'));

describe('the vectors of cairn-signal.v2', () => {
  it.each(binary.map((vector) => [vector.name, vector] as const))('V2: %s', (_name, { in: sent, out }) => {
    const verdicts = sent.map((message): Verdict => {
      const frame = filled(message as string, IDS);
      const read = readRequest(frame);
      agreeWithFastPath(frame, read);
      if (read.kind === 'Unreadable') return [read.code, read.id];
      return ['read', read.kind === 'Pong' ? undefined : read.id];
    });
    expect(verdicts.filter(isAnswered)).toEqual(answersOf(out).flatMap(verdictBehind).filter(isAnswered));
  });

  it.each(v1Vectors.map(({ name }, i) => [name, frames[i]] as const))('as in v1: %s', (_name, frame) => {
    const message = readMessage(frame);
    // A third element of a Relay by position is its id.
    expect(readRequest(frame)).toMatchObject(message ?? { kind: 'Unreadable' });
  });

  it.each(responses.map(({ name, ...rest }) => [name, rest] as const))(
    'said by the server: %s',
    (_name, { value, hex }) => {
      expect(encoded(value as Said).toString('hex')).toBe(hex);
      expect(plain(decoder.decode(Buffer.from(hex, 'hex')))).toEqual(value);
    },
  );

  it('name each vector once', () => {
    for (const all of [vectors, responses]) expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });
});

/** The fast paths find a frame exactly when it is canonical, and leave what others get. */
function agreeWithFastPath(frame: Buffer, read: Request | Unreadable): void {
  const relay = read.kind === 'Relay' ? encodeMessage(read) : undefined;
  const fast = canonicalRelayRequest(frame);
  if (fast === undefined) return;
  expect(read).toMatchObject({ kind: 'Relay', topic: fast.topic, id: fast.id, to: fast.to });
  expect(canonicalRelayTopic(frame)).toBeUndefined();
  expect(relayWithin(Buffer.from(frame), fast.end)).toEqual(relay);
}

// --- what the server says

type Said = Readonly<Record<string, Record<string, never>>>;

const bytes = (text: string): Buffer => Buffer.from(text.slice(2, -1), 'hex');
const member = (text: string): string => bytes(text).toString('latin1');

/** Calls the encoder of one response with the values of a vector. */
function encoded(said: Said): Buffer {
  const [[kind, value]] = Object.entries(said) as [string, Record<string, unknown>][];
  const { id, topic, to, partial } = value as { id: number; topic: string; to?: never; partial?: true };
  switch (kind) {
    case 'Welcome':
      return response.welcome(value as unknown as response.Welcome);
    case 'Members': {
      const { count, self, joined, left } = value as {
        count: number;
        self?: string;
        joined?: { id: string; data?: string }[];
        left?: string[];
      };
      return response.members(topic, {
        count,
        self: self && member(self),
        joined: joined?.map((one) => ({
          id: member(one.id),
          data: one.data === undefined ? undefined : bytes(one.data),
        })),
        left: left?.map(member),
        partial: partial ?? false,
      });
    }
    case 'Relay': {
      const { payload, from } = value as { payload: string; from?: string };
      const relay = encodeMessage({ kind: 'Relay', topic, payload: bytes(payload) });
      return messageIn(response.relayFrame(relay, from && member(from), to));
    }
    case 'Ack':
      return response.ack(id, to, partial);
    case 'Error':
      return response.error(value as unknown as response.Refusal);
    case 'IceServers':
      return response.iceServers(id, value.ttl as number, value.servers as response.IceServer[]);
    case 'Ping':
      return response.ping(id);
    case 'Pong':
      return response.pong(id);
    case 'Drain':
      return response.drain(value.retry as number);
    default:
      throw new Error(`nothing says ${kind}`);
  }
}

/** The same value with byte strings as in the vectors. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `h'${Buffer.from(value).toString('hex')}'`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
