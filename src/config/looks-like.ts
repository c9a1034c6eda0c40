/** Kinds of secrets that end up in the wrong place, and texts that only look like a path, an address or a token. */
const KINDS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a PEM', /-----BEGIN /],
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
  ['several lines', /[\r\n]/],
];

/**
 * Longest name that a person gives to a file or a host, in characters; tokens are longer, or mix letters and digits.
 */
const LONGEST_WORD = 24;

/** Returns what a text looks like that may hold a secret, such as "a PEM"; undefined for a text that looks harmless. */
export function looksLike(text: string): string | undefined {
  return kindOf(text) ?? (isRandom(text) ? 'a token' : undefined);
}

/** Returns the kind of a text that certainly is not a path, such as "a PEM"; undefined where it may be one. */
export function neverAPath(text: string): string | undefined {
  const kind = kindOf(text);
  // People name files after mail addresses.
  return kind === WITH_USER && !text.includes('://') ? undefined : kind;
}

const WITH_USER = 'a URL with a user or password';
const SCHEME = /^[a-z][a-z\d+.-]*:\/\//i;

function kindOf(text: string): string | undefined {
  const trimmed = text.trim();
  const kind = KINDS.find(([, pattern]) => pattern.test(trimmed))?.[0];
  if (kind !== undefined) return kind;
  if (/^[^/?#\s@]*@[^/\s@]/.test(trimmed.replace(SCHEME, ''))) return WITH_USER;
  if (SCHEME.test(trimmed)) return 'a URL';
  // Line breaks as files of environment variables write them; not the folders of a path on Windows.
  return trimmed.split('\\n').length > 2 && !/^[a-z]:\\/i.test(trimmed) ? 'several lines' : undefined;
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

/** Whether a value that is not secret by its kind may be repeated in a fault: a number, an address, or a short word. */
export function isHarmless(text: string): boolean {
  if (isRandom(text)) return false;
  const number = /^[+-]?\d[\d.,_]{0,14} ?[a-z]{0,8}$/i.test(text);
  return number || /^[[\]\d.:*/]{1,45}$/.test(text) || /^[a-z]{1,7}$/i.test(text) || isIPv6Like(text);
}

/** Whether a text is an IPv6 address, maybe with brackets, a port or a prefix, or nearly so. */
function isIPv6Like(text: string): boolean {
  return /^[[\]\da-f:./]{2,50}$/i.test(text) && text.split(':').length > 2 && !/[\da-f]{6}/i.test(text);
}
