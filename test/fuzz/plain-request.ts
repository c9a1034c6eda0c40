import { Decoder } from 'cbor-x';
import type { Request, Unreadable } from '../../src/protocol/request.js';
import { cbor } from '../support/peer.js';
import { FIELDS } from './spelling.js';

/**
 * A second reader of requests (docs/protocol.md, section 12), slow and plain: cbor-x decodes, and this looks at values.
 * Shares nothing with the strict reader. Judges only what cbor-x encodes back unchanged, since it forgives things that
 * the protocol does not, and has nothing tagged, which cbor-x makes dates and the like of: undefined for other frames.
 */
export function plainRequest(frame: Buffer): Request | Unreadable | undefined {
  let value: unknown;
  try {
    value = decoder.decode(frame);
    if (!isUntagged(value) || !cbor.encode(value).equals(frame)) return undefined;
  } catch {
    return undefined;
  }
  return judged(value);
}

const decoder = new Decoder({ mapsAsObjects: true });

type Fields = Readonly<Record<string, unknown>>;

function judged(value: unknown): Request | Unreadable {
  const entries = isPlain(value) ? Object.entries(value) : [];
  if (entries.length !== 1) return { kind: 'Unreadable', code: 'malformed' };
  const [[kind, content]] = entries;
  const order = Object.hasOwn(FIELDS, kind) ? FIELDS[kind as Request['kind']] : undefined;
  const fields = Array.isArray(content)
    ? Object.fromEntries(
        (order ?? []).flatMap((name, i) => (i < content.length ? [[name, content[i] as unknown]] : [])),
      )
    : isPlain(content)
      ? content
      : undefined;
  const id = idOf(fields?.id);
  if (order === undefined) return { kind: 'Unreadable', code: 'unsupported', id };
  const malformed: Unreadable = { kind: 'Unreadable', code: 'malformed', id };
  return (fields && request(kind, fields, id)) ?? malformed;
}

function request(kind: string, fields: Fields, id: number | undefined): Request | undefined {
  const { topic } = fields;
  const [presence, data, to] = ['presence', 'data', 'to'].map((name) => fields[name] ?? undefined);
  if (fields.id !== undefined && fields.id !== null && id === undefined) return undefined;
  switch (kind) {
    case 'Ping':
    case 'Pong':
      return { kind, id };
    case 'IceServers':
      return id === undefined ? undefined : { kind, id };
  }
  if (typeof topic !== 'string') return undefined;
  if (kind === 'Unsubscribe') return { kind, topic, id };
  if (kind === 'Subscribe') {
    const bytes = bytesOf(data);
    if (presence !== undefined && typeof presence !== 'boolean') return undefined;
    return data !== undefined && bytes === undefined ? undefined : { kind, topic, id, presence, data: bytes };
  }
  const payload = bytesOf(fields.payload);
  const member = bytesOf(to);
  if (payload === undefined || (to !== undefined && member?.length !== 8)) return undefined;
  return { kind: 'Relay', topic, payload, id, to: member?.toString('latin1') };
}

function isUntagged(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return true;
  return Array.isArray(value) ? value.every(isUntagged) : isPlain(value) && Object.values(value).every(isUntagged);
}

function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** cbor-x makes numbers of integers of at most 32 bits, and big integers of longer ones; other numbers were floats. */
function idOf(value: unknown): number | undefined {
  if (typeof value === 'bigint') return value >= 0n && value < 2n ** 53n ? Number(value) : undefined;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : undefined;
}

function bytesOf(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  const octets = Array.isArray(value) && value.every((one) => Number.isInteger(one) && one >= 0 && one <= 255);
  return octets ? Buffer.from(value as number[]) : undefined;
}
