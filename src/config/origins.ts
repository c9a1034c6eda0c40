import { looksLike } from './looks-like.js';

/** What stands for one label of a host name, such as `app` in `app.example.com`. */
const WILDCARD = '*.';
/** What a URL takes in the place of the wildcard. */
const ANY_LABEL = 'x';
/** A name with a top-level domain, or of this machine. Any other word may be a secret in the wrong place. */
const HOST_NAME = /^(?:(?:\*\.)?(?:[a-z\d-]{1,63}\.){1,8}[a-z]{2,24}|localhost)(?::\d{1,5})?(?:\/.*)?$/i;

/**
 * Reads an origin of web pages as browsers send it (RFC 6454): scheme, host and any port that is not the default, or
 * `null`.
 * The first label of the host may be `*`. Returns undefined for an entry that no page could ever match.
 */
export function readOrigin(word: string): string | undefined {
  if (word === 'null') return word;
  const [scheme, rest = ''] = split(word);
  const wild = rest.startsWith(WILDCARD);
  const url = parsed(wild ? `${scheme}://${ANY_LABEL}.${rest.slice(WILDCARD.length)}` : word);
  if (url === undefined || word.endsWith('/') || url.href !== `${url.origin}/` || rest.includes('@')) return undefined;
  if (url.hostname.includes('*')) return undefined;
  if (!wild) return url.origin;
  return isSite(url.hostname) ? url.origin.replace(`://${ANY_LABEL}.`, '://*.') : undefined;
}

/** Says what to write instead of an entry that is not an origin. Repeats nothing but the host of an address. */
export function originFault(word: string): string {
  if (word === '*') return 'leave the setting out to let all web pages connect; "*" is not an origin';
  if (/^null$/i.test(word)) return 'write null, in small letters';
  if (/^["'].*["']$/.test(word)) return 'remove the quotes around the origin';
  if (looksLike(word) !== undefined && looksLike(word) !== 'a URL') return EXPECTED;
  const [scheme, rest] = split(word);
  if (rest === undefined) {
    const why = 'an origin begins with its scheme';
    return HOST_NAME.test(word) ? suggestion('https', word, why) : `${why}: ${EXPECTED}`;
  }
  if (/^wss?$/i.test(scheme)) {
    return suggestion(`http${scheme.slice(2).toLowerCase()}`, rest, 'a page has the scheme http or https');
  }
  if (!/^https?$/i.test(scheme)) {
    return 'only origins with https: or http:, and null, are held to this list; all others may connect';
  }
  if (rest.includes('*') && !(rest.startsWith(WILDCARD) && !rest.slice(1).includes('*'))) return ONE_LABEL;
  if (rest.endsWith('/') || /[/?#]/.test(rest)) {
    return suggestion(scheme.toLowerCase(), rest, 'an origin has no path, query or slash behind the host');
  }
  return rest.startsWith(WILDCARD) ? ONE_LABEL : EXPECTED;
}

const EXPECTED = 'expected an origin, such as https://app.example.com, or null';
const ONE_LABEL =
  'a wildcard stands for the whole first label of a name, as in https://*.example.com, and never for a top-level domain';

function suggestion(scheme: string, rest: string, why: string): string {
  const [host] = rest.split(/[/?#]/);
  // Anything else may be a secret in the wrong place.
  if (!isName(host.split(':')[0])) return `${why}: ${EXPECTED}`;
  const origin = readOrigin(`${scheme}://${host}`);
  return origin === undefined ? `${why}: ${EXPECTED}` : `${why}: write ${origin}`;
}

/** Whether a text is a host name with a top-level domain, or localhost. */
function isName(text: string): boolean {
  const dot = text.lastIndexOf('.');
  return text === 'localhost' || (dot > 0 && /^[\w.*-]+$/.test(text) && /^[a-z]{2,}$/i.test(text.slice(dot + 1)));
}

/** `https://host` as `https` and `host`; undefined for what stands behind a scheme that is not there. */
function split(word: string): [scheme: string, rest: string | undefined] {
  const at = word.indexOf('://');
  return at < 0 ? ['', undefined] : [word.slice(0, at), word.slice(at + '://'.length)];
}

function parsed(word: string): URL | undefined {
  if (!URL.canParse(word)) return undefined;
  const url = new URL(word);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined;
}

/** Whether a name with a wildcard leaves a domain that somebody can own: two labels, or localhost. */
function isSite(hostname: string): boolean {
  const labels = hostname.split('.').slice(1);
  return labels.every((label) => label !== '') && (labels.length > 1 || labels[0] === 'localhost');
}

/** Returns whether an origin that a browser sent is on a list of origins. */
export function originMatcher(listed: readonly string[]): (origin: string) => boolean {
  const exact = new Set(listed.filter((one) => !one.includes('*')));
  const wild = new Set(listed.filter((one) => one.includes('*')));
  return (origin) => {
    const written = origin.toLowerCase();
    if (exact.has(written)) return true;
    const [scheme, rest] = split(written);
    const dot = rest?.indexOf('.') ?? -1;
    return (
      wild.size > 0 && dot > 0 && /^[\w-]+$/.test(rest!.slice(0, dot)) && wild.has(`${scheme}://*${rest!.slice(dot)}`)
    );
  };
}
