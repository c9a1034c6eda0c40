import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

/** URLs that one setting may hold. Browsers warn of five and more: each makes their search slower. */
const MOST_URLS = 16;

const STUN = ['stun', 'stuns'];
const TURN = ['turn', 'turns'];

const PARTS = /^([a-z]+):(\[[^\]]*\]|[^:?[\]]*)(?::([^?]*))?(?:\?(.*))?$/;
const NAME = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/;

/** URLs of STUN servers (RFC 7064), in lower case. */
export const stunUrls = iceUrls('stun:HOST or stuns:HOST, with :PORT or without', STUN);

/** URLs of TURN servers (RFC 7065), in lower case. */
export const turnUrls = iceUrls(
  'turn:HOST or turns:HOST, with :PORT or without, and maybe ?transport=udp or ?transport=tcp',
  TURN,
);

/** Says of which kind of server a URL is, in any case of letters; undefined if it is of neither. */
export function kindOfIceUrl(url: string): 'stun' | 'turn' | undefined {
  const word = url.toLowerCase();
  if (faultOf(word, '', STUN) === undefined) return 'stun';
  return faultOf(word, '', TURN) === undefined ? 'turn' : undefined;
}

/** A list of URLs with one of these schemes. Each entry at fault is told. No fault repeats the URL: it may hold a password. */
function iceUrls(form: string, schemes: readonly string[]) {
  const expected = `expected URLs such as ${form}, separated by commas`;
  return z
    .union([z.string(), z.array(z.string())], expected)
    .transform((written, context) => {
      const words = (typeof written === 'string' ? written.split(',') : written).map((word) =>
        word.trim().toLowerCase(),
      );
      if (words.every((word) => word === '')) context.addIssue(expected);
      else if (words.length > MOST_URLS) context.addIssue(`expected at most ${MOST_URLS} URLs`);
      else {
        for (const [index, word] of words.entries()) {
          const fault = faultOf(word, form, schemes);
          if (fault !== undefined) context.addIssue(words.length > 1 ? `entry ${index + 1}: ${fault}` : fault);
        }
      }
      return words;
    })
    .meta({ value: 'URLS', list: true });
}

/** Says what is wrong with a URL in lower case; undefined if nothing is. */
function faultOf(word: string, form: string, schemes: readonly string[]): string | undefined {
  if (word.includes('@')) return 'expected a URL without user and password: turn-secret-file makes them';
  if (word.includes('://')) return `expected ${form}: these URLs have no slashes`;
  const [, scheme, host, port, query] = PARTS.exec(word) ?? [];
  if (scheme === undefined || !schemes.includes(scheme)) return `expected ${form}`;
  if (!isHost(host)) return 'expected a host name, an IPv4 address or an [IPv6] address';
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    return 'expected a port from 1 to 65535';
  }
  if (query === undefined) return undefined;
  if (scheme.startsWith('stun')) return 'expected a URL without "?": STUN has no transport';
  return /^transport=(?:udp|tcp)$/.test(query) ? undefined : 'expected ?transport=udp or ?transport=tcp';
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1)) && !host.includes('%');
  // What ends in a number is an address, or none.
  const labels = host.replace(/\.$/, '').split('.');
  if (/^\d+$/.test(labels.at(-1)!)) return isIPv4(host);
  return host.length <= 253 && NAME.test(host);
}

/** A URL of a STUN or TURN server, in parts, as browsers understand it. */
export interface IceUrl {
  readonly scheme: 'stun' | 'stuns' | 'turn' | 'turns';
  /** A host name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** How a client gets there. DTLS is TLS over UDP. */
  readonly transport: 'udp' | 'tcp' | 'tls' | 'dtls';
}

/**
 * Reads a URL of a STUN or TURN server (RFC 7064, RFC 7065); undefined if it is none. Without a transport it means what
 * it means to browsers: UDP, or TLS over TCP.
 */
export function readIceUrl(written: string): IceUrl | undefined {
  const url = written.toLowerCase();
  if (faultOf(url, '', ['stun', 'stuns', 'turn', 'turns']) !== undefined) return undefined;
  const [, scheme, host, port, query] = PARTS.exec(url)!;
  const secure = scheme.endsWith('s');
  const overTcp = query === undefined ? secure : query === 'transport=tcp';
  const transport = overTcp ? (secure ? 'tls' : 'tcp') : secure ? 'dtls' : 'udp';
  return {
    scheme: scheme as IceUrl['scheme'],
    host: host.replace(/^\[|\]$/g, ''),
    port: port === undefined ? (secure ? 5349 : 3478) : Number(port),
    transport,
  };
}
