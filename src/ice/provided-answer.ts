import { kindOfIceUrl } from '../config/ice-urls.js';
import type { IceServer } from '../protocol/response.js';

/** Seconds that credentials may hold: shorter ones would be asked for all the time, and longer ones count as a day. */
const TTL_S = { least: 60, most: 86_400 };
const MOST_SERVERS = 16;
const MOST_URLS = 32;
/** Bytes of a username, and of a credential. A username may have 508 (RFC 8489, section 14.3). */
const MOST_TEXT_BYTES = 512;
/** Characters of all servers as JSON: Cloudflare's and Twilio's answers have less than 1,000. */
const MOST_CHARACTERS = 4096;

/** What an ICE provider answered: servers, and the seconds that their credentials hold, if it says so. */
interface Provided {
  readonly servers: readonly IceServer[];
  readonly ttl: number;
}

/**
 * Reads what an ICE provider answered that was asked for credentials of `ttl` seconds. Returns a copy of what peers are
 * told; false for none; or in words that tell no value what is wrong with it. Throws what its properties throw.
 */
export function readProvided(answer: unknown, asked: number): Provided | string | false {
  if (answer === false) return false;
  if (typeof answer !== 'object' || answer === null) return answer === null ? 'null' : typeof answer;
  const { iceServers, ttl = asked } = answer as { iceServers?: unknown; ttl?: unknown };
  if (typeof ttl !== 'number' || !(ttl >= TTL_S.least)) {
    return `an object whose "ttl" is not a number from ${TTL_S.least}`;
  }
  if (!Array.isArray(iceServers)) return 'an object whose "iceServers" is not an array';
  const { length } = iceServers;
  if (!(length >= 1 && length <= MOST_SERVERS)) return `not 1 to ${MOST_SERVERS} "iceServers"`;
  const servers: IceServer[] = [];
  for (let i = 0; i < length; i++) {
    const server = readServer(iceServers[i] as unknown);
    if (typeof server === 'string') return `iceServers[${i}] ${server}`;
    servers.push(server);
  }
  if (JSON.stringify(servers).length > MOST_CHARACTERS) return `more than ${MOST_CHARACTERS} characters`;
  return { servers, ttl: Math.floor(Math.min(ttl, TTL_S.most)) };
}

/** Reads each property once, since a getter may change its mind. */
function readServer(given: unknown): IceServer | string {
  if (typeof given !== 'object' || given === null) return 'that is no object';
  const { urls, username, credential } = given as Readonly<Record<string, unknown>>;
  const listed: readonly unknown[] = Array.isArray(urls) ? urls : [urls];
  const { length } = listed;
  if (!(length >= 1 && length <= MOST_URLS)) return `without 1 to ${MOST_URLS} "urls"`;
  const read: string[] = [];
  let turn = false;
  for (let i = 0; i < length; i++) {
    const url = listed[i];
    const kind = isText(url) ? kindOfIceUrl(url) : undefined;
    if (kind === undefined) return 'with a URL of no STUN or TURN server';
    turn ||= kind === 'turn';
    read.push((url as string).toLowerCase());
  }
  if (!turn) return { urls: read };
  if (!isText(username)) return `with a TURN URL, whose "username" is not text of 1 to ${MOST_TEXT_BYTES} bytes`;
  if (!isText(credential)) return `with a TURN URL, whose "credential" is not text of 1 to ${MOST_TEXT_BYTES} bytes`;
  return { urls: read, username, credential };
}

/** Whether a value is text that JSON and CBOR carry unchanged, and not too long. */
function isText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MOST_TEXT_BYTES &&
    Buffer.byteLength(value) <= MOST_TEXT_BYTES &&
    value.isWellFormed() &&
    // oxlint-disable-next-line no-control-regex -- none may be there
    !/[\u0000-\u001f\u007f]/.test(value)
  );
}
