import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { looksLike, neverAPath } from './looks-like.js';
import { originFault, readOrigin } from './origins.js';
import { isQuoted } from './token-mistakes.js';

declare module 'zod' {
  interface GlobalMeta {
    /** Placeholder for the value in `--help`, such as PATH. */
    value?: string;
    /** One or more sentences on what the setting does. */
    about?: string;
    /** Whether messages must never show the value. */
    secret?: boolean;
    /** Whether the setting takes several values; its flag may then be repeated. */
    list?: boolean;
    /** Whether an entry may begin with an issuer and a space, and then holds for that issuer. */
    byIssuer?: boolean;
    /** The flag for one of several values, if its name differs. */
    flag?: string;
  }
}

/**
 * The kinds of values that settings have, as zod schemas. Each takes the text of a flag or variable, or a value from
 * YAML. It gives the value that the code uses, or one sentence on what was expected.
 */

/** Connections that one public address may have when max-connections-per-ip is not set (docs/adr/0011). */
export const MOST_OF_PUBLIC_ADDRESS = 1024;

/** Most bytes of headers that a request may be allowed to have. */
export const MOST_HEADER_BYTES = 256 * 1024;

export interface TcpAddress {
  /** An IPv4 or IPv6 address (without brackets) or a host name. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** A Unix socket. */
export interface UnixAddress {
  readonly path: string;
  /** Who may connect, as for files. */
  readonly mode: number;
}

export type ListenAddress = TcpAddress | UnixAddress;

/** The owner of the process and its group: a proxy on the same machine can be put into that. */
const DEFAULT_MODE = '660';
/** Longest path of a Unix socket, in bytes: Linux has room for 108, with a NUL at the end. */
const MOST_PATH_BYTES = 107;

const UNIX = /^unix:(\/[^,\0\r\n]+?)(?:,mode=([0-7]{3}))?$/;

const HOST_AND_PORT = /^(?:\[([^\]]+)\]|([\w.-]+)):(\d{1,5})$/;

const LISTEN_ADDRESS =
  'an address as HOST:PORT, such as 0.0.0.0:443, [::]:443 or localhost:8080, or as unix:/PATH or unix:/PATH,mode=660';

/** `host:port`, where host is an IPv4 address, an `[IPv6]` address or a name; or a Unix socket by its whole path. */
export const listenAddress = text(LISTEN_ADDRESS)
  .transform((written, context): ListenAddress => {
    const [, path = '', mode = DEFAULT_MODE] = UNIX.exec(written) ?? [];
    if (path !== '' && Buffer.byteLength(path) <= MOST_PATH_BYTES) return { path, mode: Number.parseInt(mode, 8) };
    const [, ipv6, host = ipv6, digits] = HOST_AND_PORT.exec(written) ?? [];
    const port = Number(digits);
    if (host === undefined || port > 65_535 || (ipv6 !== undefined && !isIPv6(ipv6))) {
      context.addIssue(`expected ${LISTEN_ADDRESS}`);
      return z.NEVER;
    }
    if (isLinkLocal(host) && !host.includes('%')) {
      context.addIssue(`a link-local address needs the interface that it belongs to, such as [${host}%eth0]:${port}`);
      return z.NEVER;
    }
    return { host, port };
  })
  .meta({ value: 'HOST:PORT' });

/** Returns whether this is an IPv6 address of fe80::/10 (RFC 4291, section 2.5.6), which each link has for itself. */
function isLinkLocal(host: string): boolean {
  return isIPv6(host) && /^fe[89ab][\da-f]:/i.test(host);
}

/** The path of a file. A relative one starts at the working directory. */
export const filePath = text('the path of a file')
  .superRefine((written, context) => {
    const what = neverAPath(written);
    if (what !== undefined) {
      context.addIssue(
        `expected the path of a file, but this looks like ${what}: write it to a file, and give its path`,
      );
    } else if (isQuoted(written)) context.addIssue('expected the path of a file: remove the quotes around it');
    else if (/[\r\n\0]/.test(written)) context.addIssue('expected the path of a file, not its content');
  })
  .meta({ value: 'PATH' });

/** Several paths of files. */
export const filePaths = list('paths of files', (word) => filePath.safeParse(word).data).meta({ value: 'PATHS' });

/** A secret that travels in an HTTP header: visible ASCII, with spaces only inside. */
export const bearerToken = text(
  'a token',
  'an empty token would let nobody in; to serve without a token, leave the setting out',
)
  .regex(
    /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/,
    'expected visible ASCII characters without spaces around them: an HTTP header carries nothing else',
  )
  .meta({ value: 'TOKEN', secret: true });

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * A length of time such as `500ms`, `10s`, `5m` or `1h`, from `least` to `most`. Gives milliseconds. Its description is
 * the range.
 */
export function duration(least: string, most: string) {
  const expected = `expected a length of time from ${least} to ${most}, such as 500ms, 10s, 5m or 1h`;
  return z
    .string(expected)
    .transform((written, context) => {
      const value = milliseconds(written);
      if (value === undefined || value < milliseconds(least)! || value > milliseconds(most)!) {
        context.addIssue(expected);
        return z.NEVER;
      }
      return value;
    })
    .meta({ value: 'TIME', description: `From ${least} to ${most}.` });
}

function milliseconds(written: string): number | undefined {
  const parts = /^(\d{1,9})(ms|s|m|h)$/.exec(written);
  return parts === null ? undefined : Number(parts[1]) * UNITS[parts[2]];
}

/** A whole number from `least` to `most`. As text, it has digits only. Its description is the range. */
export function count(least: number, most: number) {
  const expected = `expected a whole number from ${least} to ${most}`;
  return z
    .union(
      [
        z.int(),
        z
          .string()
          .regex(/^\d{1,15}$/)
          .transform(Number),
      ],
      expected,
    )
    .refine((value) => value >= least && value <= most, expected)
    .meta({ value: 'COUNT', description: `From ${least} to ${most}.` });
}

/** A whole number of bytes, from `least` to `most`. */
export function bytes(least: number, most: number) {
  return count(least, most).meta({ value: 'BYTES' });
}

const LINE_TARGET =
  'expected off, on (standard output) or a descriptor such as fd:3; to write a file, have the shell open it: 3>>FILE';

/** A switch: `on` or `off`, `true` or `false`. */
export const onOff = z
  .union([z.boolean(), z.enum(['on', 'off', 'true', 'false'])], 'expected on or off')
  .transform((written) => written === true || written === 'on' || written === 'true')
  .meta({ value: 'ON|OFF' });

/** A descriptor of the process that lines are written to; undefined for none. */
export const lineTarget = z
  .union([z.boolean(), z.string()], LINE_TARGET)
  .transform((written, context) => {
    if (written === false || written === 'off' || written === 'false') return undefined;
    if (written === true || written === 'on' || written === 'true') return 1;
    const [, digits] = /^fd:([1-9]\d{0,3})$/.exec(written) ?? [];
    if (digits !== undefined) return Number(digits);
    context.addIssue(LINE_TARGET);
    return z.NEVER;
  })
  .meta({ value: 'ON|OFF|FD' });

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, `expected ${words.join(' or ')}`);
}

/**
 * Several values: separated by commas, or a list in YAML. `read` gives the value of one word, or undefined for a wrong
 * word. `fault` says what to write instead of a wrong one, and repeats nothing that may be secret.
 */
export function list<T>(what: string, read: (word: string) => T | undefined, fault?: (word: string) => string) {
  const expected = `expected ${what}, separated by commas`;
  return z
    .union([z.string(), z.array(z.string())], expected)
    .transform((written, context) => {
      const words = typeof written === 'string' ? written.split(',') : written;
      const values = words.map((word) => read(word.trim()));
      if (values.length > 0 && values.every((value) => value !== undefined)) return values;
      const wrong = values.indexOf(undefined);
      const which = words.length > 1 ? `entry ${wrong + 1}: ` : '';
      const word = words[wrong]?.trim() ?? '';
      context.addIssue(fault === undefined || word === '' ? expected : `${which}${fault(word)}`);
      return z.NEVER;
    })
    .meta({ list: true });
}

/** Names in a certificate that can be the principal of whoever shows it; the fingerprint stands for a name. */
export const CERTIFICATE_NAMES = ['uri', 'cn', 'email', 'dns', 'fingerprint'] as const;
export type CertificateName = (typeof CERTIFICATE_NAMES)[number];

/** Some of them, the preferred one first. */
export const certificateNames = list('some of uri, cn, email, dns and fingerprint', (word) =>
  CERTIFICATE_NAMES.find((name) => name === word),
).meta({ value: 'NAMES' });

/** A range of addresses that share the first `prefix` bits of `address` (RFC 4632, RFC 4291). */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Whoever comes by a Unix socket, as a network. */
export const UNIX_SOCKET = 'unix:';

/** Networks such as `10.0.0.0/8` and `2001:db8::/32`, single addresses, or `unix:`. */
export const networks = list(
  'networks or addresses, such as 10.0.0.0/8 or 2001:db8::1, or unix: for a Unix socket',
  (word): Network | typeof UNIX_SOCKET | undefined => {
    if (word === UNIX_SOCKET) return word;
    const [, address = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(word) ?? [];
    const version = isIP(address);
    const bits = version === 4 ? 32 : 128;
    const prefix = digits === undefined ? bits : Number(digits);
    return version === 0 || prefix > bits ? undefined : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
  },
).meta({ value: 'NETWORKS' });

/** Host names without a port. Given in lower case and without the final dot, ready to compare. */
export const hostNames = list('host names without port, such as node-1.example.com', (word) =>
  /^[\w-]+(?:\.[\w-]+)*\.?$/.test(word) ? word.toLowerCase().replace(/\.$/, '') : undefined,
).meta({ value: 'NAMES' });

/** Web origins (RFC 6454) as browsers send them, or with `*` for the first label of the host. */
export const origins = list('origins, such as https://app.example.com, or null', readOrigin, originFault).meta({
  value: 'ORIGINS',
});

/**
 * Signature algorithms of JWTs (RFC 7518, RFC 8037, RFC 9864) that a public key verifies. With any other algorithm,
 * everyone who knows the public key could sign.
 */
const JWT_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

export const jwtAlgorithms = list(`algorithms with public keys: ${JWT_ALGORITHMS.join(', ')}`, (word) =>
  JWT_ALGORITHMS.find((algorithm) => algorithm === word),
).meta({ value: 'NAMES' });

/**
 * Longest address of a key set, in characters. The metadata of an issuer names it, and a host in non-Latin letters
 * costs time in the square of its length (RFC 3492).
 */
const MOST_KEY_URL = 2048;

/** Whether this is an address that keys could be fetched from: without user, password and fragment. */
export function isWebAddress(written: string): boolean {
  if (written.length > MOST_KEY_URL || /\s/.test(written) || !URL.canParse(written)) return false;
  const { protocol, username, password, hash } = new URL(written);
  return `${username}${password}${hash}` === '' && (protocol === 'https:' || protocol === 'http:');
}

/**
 * Whether keys may be fetched from this address. Only TLS keeps others on the way from replacing them, so the scheme is
 * https; or http on loopback, and elsewhere by consent (`plainHttp`). The address has no user and no password.
 */
export function isKeyUrl(written: string, plainHttp = false): boolean {
  if (!isWebAddress(written)) return false;
  const { protocol, hostname } = new URL(written);
  const loopback =
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
  return protocol === 'https:' || loopback || plainHttp;
}

/** A NATS server: its `host:port`, and whether its address asks for TLS. */
export interface NatsServer {
  readonly server: string;
  readonly tls: boolean;
}

/** `nats://host:4222`, `tls://host`, or `host`. Credentials have their own settings, which are not logged. */
export const natsServers = list(
  'addresses of NATS servers, such as nats://nats.example.com:4222, without user and password',
  (word): NatsServer | undefined => {
    const written = word.includes('://') ? word : `nats://${word}`;
    if (!URL.canParse(written)) return undefined;
    const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(written);
    if (
      (protocol !== 'nats:' && protocol !== 'tls:') ||
      hostname === '' ||
      `${username}${password}${pathname.slice(1)}${search}${hash}` !== '' ||
      looksLike(word.replace(/^\w+:\/\//, '')) !== undefined
    ) {
      return undefined;
    }
    return { server: `${hostname}:${port === '' ? 4222 : port}`, tls: protocol === 'tls:' };
  },
).meta({ value: 'URLS' });

/** Name of a user, as NATS compares it. */
export const userName = text('the name of a user')
  .regex(/^[!-~]{1,255}$/, 'expected the name of a user: visible ASCII characters without spaces')
  .meta({ value: 'NAME' });

/** A NATS subject without wildcards: words, separated by dots. */
export const subjectPrefix = text('a NATS subject')
  .regex(/^[\w-]+(?:\.[\w-]+)*$/, 'expected a NATS subject: words of letters, digits, - and _, separated by dots')
  .meta({ value: 'SUBJECT' });

/** Name of an HTTP header. Given in lower case, as Node has them. */
export const headerName = text('the name of an HTTP header')
  .regex(/^[\w-]+$/, 'expected the name of an HTTP header')
  .transform((written) => written.toLowerCase())
  .meta({ value: 'NAME' });

function text(what: string, empty = `must not be empty: expected ${what}`) {
  const expected = ({ input }: { input?: unknown }): string =>
    `expected ${what}${typeof input === 'number' ? '; in YAML, put it in quotes' : ''}`;
  return z.string({ error: expected }).min(1, { error: empty, abort: true });
}
