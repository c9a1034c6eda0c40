import { z } from 'zod';

/**
 * The JSON messages of the published cairn libraries (docs/protocol.md, section 2), as values.
 * Knows their shape; what they do, and to whom, is the domain's.
 */
export type RendezvousMessage = Publish | Announce | Query;

/** Leaves bytes on a topic, for as long as this connection lives. */
export type Publish = z.output<typeof publish>;
/** Leaves addresses on a topic. */
export type Announce = z.output<typeof announce>;
/** Asks what others have left on a topic. */
export type Query = z.output<typeof query>;

/** A message of a known type that cannot be honoured as it stands (J7). */
export interface Malformed {
  readonly type: 'malformed';
  /** Present only when the message had one. */
  readonly topic: string | undefined;
  /** What is wrong with it; repeats nothing of it. */
  readonly fault: string;
}

/** A string that UTF-8 can carry: JSON can spell half a surrogate pair. */
const text = z.string('must be a string').refine((value) => value.isWellFormed(), 'is not Unicode text');

/** The same for a list's elements, which stops at the first that is none: zod would make an issue for each. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed();
}
const hex = /^(?:[0-9a-f]{2})*$/i;

const topic = text;
const publish = z.object({
  type: z.literal('publish'),
  topic,
  /** Base64, as it came: what a record holds and a result gives back. */
  payload: z.base64('must be base64 with padding'),
});
const announce = z.object({
  type: z.literal('announce'),
  topic,
  /** Hex; empty when there is none. */
  peer_id: z.string('must be a string').regex(hex, 'must be hex').default(''),
  addresses: z.custom<readonly string[]>((value) => Array.isArray(value) && value.every(isText), 'must be a list of strings'),
});
const query = z.object({ type: z.literal('query'), topic });

const TYPES: ReadonlySet<unknown> = new Set(['publish', 'announce', 'query']);
const message = z.discriminatedUnion('type', [publish, announce, query]);

/**
 * The message that a text is, or why it cannot be honoured; undefined for what is not JSON or of no known type, which nobody
 * answers. Never throws.
 */
export function parseRendezvousMessage(json: string): RendezvousMessage | Malformed | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, topic: given } = value as { type?: unknown; topic?: unknown };
  if (!TYPES.has(type)) return undefined;

  const result = message.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const fault = `${String(issue.path[0] ?? 'message')} ${issue.message}`;
  return { type: 'malformed', topic: typeof given === 'string' && given.isWellFormed() ? given : undefined, fault };
}
