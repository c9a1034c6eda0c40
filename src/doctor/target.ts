import { isIP } from 'node:net';
import { ConfigurationError } from '../config/faults.js';
import { looksLike } from '../config/looks-like.js';

/** The address that peers connect to. */
export interface Target {
  /** The URL as peers use it: ws: or wss:, host, path. */
  readonly url: string;
  /** The same for reports: without the parts of its path that look like a token. */
  readonly shown: string;
  readonly secure: boolean;
  /** A host name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

const SCHEMES: Record<string, string | undefined> = { 'ws:': 'ws', 'http:': 'ws', 'wss:': 'wss', 'https:': 'wss' };
const EXPECTED = 'expected the URL of a signaling server, such as wss://signal.example.com';

/**
 * Reads the target from the command line. Throws a ConfigurationError with all faults. None quotes the URL, which may
 * hold a token.
 */
export function readTarget(written: string): Target {
  const [plain, zone] = takeZone(written);
  const withScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(plain) ? plain : `wss://${plain}`;
  const rest = withScheme.slice(withScheme.indexOf('://') + '://'.length);
  const what = rest.startsWith('/') ? 'a path' : looksLike(rest.split('/')[0]);
  // A user and password before a host have a fault of their own.
  if (what !== undefined && !plain.includes('@')) {
    throw new ConfigurationError([`${EXPECTED}; this looks like ${what}`]);
  }
  if (plain.trim() !== plain || !URL.canParse(withScheme)) throw new ConfigurationError([EXPECTED]);
  const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(withScheme);
  const scheme = SCHEMES[protocol];
  const faults: string[] = [];
  if (scheme === undefined) faults.push(`${EXPECTED}: ws://, wss://, http:// or https://`);
  else if (hostname === '' || port === '0') faults.push(EXPECTED);
  if (username !== '' || password !== '') {
    faults.push(
      'the URL has a user or password: tokens in URLs are not read, because URLs end up in logs; ' +
        'give the token with --token-file or --token',
    );
  }
  if (search !== '') {
    faults.push(
      'the URL has a query: tokens in URLs are not read, because URLs end up in logs; ' +
        'give the token with --token-file or --token, and remove the query',
    );
  }
  if (hash !== '') faults.push('the URL has a fragment (#), which a WebSocket URL cannot have');
  if (faults.length > 0) throw new ConfigurationError(faults);
  const secure = scheme === 'wss';
  // URL leaves out the default port of ws: and wss: as it does for http: and https:.
  const host = `${hostname.replace(/^\[|\]$/g, '')}${zone === '' ? '' : `%${zone}`}`;
  const authority = `${scheme}://${hostname}${port === '' ? '' : `:${port}`}`;
  const shownPath = pathname.split('/').map((part) => (looksLike(part) === undefined ? part : '...'));
  return {
    url: `${authority}${pathname}`,
    shown: `${authority}${shownPath.join('/')}`,
    secure,
    host,
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    path: pathname,
  };
}

/**
 * Takes the zone out of `[fe80::1%25eth0]` (RFC 6874) or `[fe80::1%eth0]`: a zone means something on this machine only,
 * so URLs have none, and no server is told.
 */
function takeZone(written: string): [url: string, zone: string] {
  const percent = written.indexOf('%', written.indexOf('['));
  const end = written.indexOf(']', percent);
  if (!written.includes('[') || percent < 0 || end < 0) return [written, ''];
  const zone = written.slice(percent + 1, end).replace(/^25/, '');
  return /^[\w.~-]+$/.test(zone) ? [written.slice(0, percent) + written.slice(end), zone] : [written, ''];
}

/** Whether the host is an address. SNI does not exist for addresses. */
export function isAddress({ host }: Target): boolean {
  return isIP(host) !== 0;
}
