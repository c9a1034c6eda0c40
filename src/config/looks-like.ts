/** Kinds of secrets that end up in the wrong place, and texts that only look like a path, an address or a token. */
const KINDS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a PEM', /-----\s*BEGIN /],
  // "-----BEGIN", as base64 writes it.
  ['a PEM in base64', /^LS0tLS1C/],
  ['a PEM without its first line', /^MI[A-I][\w+/\\\s]{60,}=*/],
  ['an SSH key', /^(?:ssh|ecdsa|sk)-[\w@.-]+ AAAA/],
  ['a JWT', /^(?:[Bb]earer +)?eyJ[\w-]{8,}\.[\w-]+\.[\w-]*$/],
  ['a token with "Bearer " before it', /^bearer[ .]/i],
  ['a line of auth-token-file', /^[^:/\s]*:sha256:[\da-f]*$/i],
  ['a NATS seed', /^S[ACNOUX][A-Z2-7]{40,60}$/],
  ['a NATS key', /^[ACNOUX][A-Z2-7]{55}$/],
  ['JSON', /^\s*[{[]\s*["{[\]}]/],
  ['a URL with a user or password', /^(?:[a-z][a-z\d+.-]*:\/\/)?[^/?#\s@]*@[^/\s@]+/i],
  ['a URL', /^[a-z][a-z\d+.-]*:\/\//i],
  ['several lines', /[\r\n]|^(?![a-z]:\\).*\\n.*\\n/i],
];

/** Longest name that a person gives to a file or a host, in characters; tokens are longer, or mix letters and digits. */
const LONGEST_WORD = 24;

/** Returns what a text looks like that may hold a secret, such as "a PEM"; undefined for a text that looks harmless. */
export function looksLike(text: string): string | undefined {
  return KINDS.find(([, pattern]) => pattern.test(text.trim()))?.[0] ?? (isRandom(text) ? 'a token' : undefined);
}

/** Returns the kind of a text that certainly is not a path, such as "a PEM"; undefined where it may be one. */
export function neverAPath(text: string): string | undefined {
  const what = KINDS.find(([, pattern]) => pattern.test(text.trim()))?.[0];
  // Odd, but people name files after mail addresses.
  return what === 'a URL with a user or password' && !text.includes('://') ? undefined : what;
}

/** Whether a text looks like a secret that a program made: hex digits, base64 or base64url. */
export function isRandom(text: string): boolean {
  if (/^[\da-f]{24,}$/i.test(text)) return true;
  if (text.length < LONGEST_WORD || !/^[\w+/-]+={0,2}$/.test(text)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(text)).length;
  return kinds === 3 && !/^[/.]/.test(text);
}

/** Describes a text without repeating it: `12 characters`, `1704 characters, looks like a PEM`. */
export function described(text: string): string {
  const what = looksLike(text);
  const length = `${text.length} ${text.length === 1 ? 'character' : 'characters'}`;
  return what === undefined ? length : `${length}, looks like ${what}`;
}

/** A number with or without a unit, an address with or without a port, or a short word: too simple to be a secret. */
const HARMLESS =
  /^(?:[+-]?\d[\d.,_]{0,14} ?[a-z]{0,8}|[[\]\d.:*/]{1,45}|\[?[\da-f]{0,4}(?::[\da-f]{0,4}){2,7}(?:%\w{1,8})?\]?(?::\d{1,6}|\/\d{1,4})?|[a-z]{1,7})$/i;

/** Whether a value that is not secret by its kind may be repeated in a fault. */
export function isHarmless(text: string): boolean {
  return HARMLESS.test(text) && !isRandom(text);
}
