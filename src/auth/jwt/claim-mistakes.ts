import type { JWTPayload } from 'jose';
import { isPrincipal, MOST_CHARACTERS } from '../principal.js';

/**
 * What is wrong with a JWT, one sentence each. A sentence names the claim and what it must be. It never holds a value of
 * the token.
 */

/**
 * From here on, a number of seconds since 1970 is beyond the year 33,000, and a number of milliseconds is one of this
 * century.
 */
const NO_SECONDS = 1e12;

const SECONDS = 'a number: seconds since 1970';

/** Prefix of every mistake. */
export const UNUSABLE = 'This token cannot be used: ';

/** What is wrong with a claim that has another type than it must have. `what` is the type that it must have. */
export function typeMistake(claim: string, value: unknown, what: string): string {
  return value === undefined
    ? `${UNUSABLE}the claim ${claim} is missing. It must be ${what}.`
    : `${UNUSABLE}the claim ${claim} is ${kindOf(value)}. It must be ${what}.`;
}

/** What is wrong with the times of a token (RFC 7519, section 4.1): `exp` is required, `nbf` and `iat` are not. */
export function mistakeInTimes({ exp, nbf, iat }: JWTPayload): string | undefined {
  if (exp === undefined) return typeMistake('exp', exp, SECONDS);
  // Nothing depends on when a token was issued, so any number will do.
  return (
    timeMistake('exp', exp) ??
    timeMistake('nbf', nbf) ??
    (typeof iat === 'number' ? undefined : timeMistake('iat', iat))
  );
}

function timeMistake(claim: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') return typeMistake(claim, value, SECONDS);
  if (value < NO_SECONDS) return undefined;
  const guess = value < 1e3 * NO_SECONDS ? 'looks like milliseconds' : 'is too large a number';
  return `${UNUSABLE}the claim ${claim} ${guess}. It must be ${SECONDS}.`;
}

/** What is wrong with the claim `iss`; undefined if it is text. */
export function mistakeInIssuer(iss: unknown): string | undefined {
  return typeof iss === 'string' ? undefined : typeMistake('iss', iss, 'text: the name of the issuer');
}

/** What is wrong with the claim `aud`; undefined if it names audiences. */
export function mistakeInAudience(aud: unknown): string | undefined {
  const named = Array.isArray(aud)
    ? aud.length > 0 && aud.every((one) => typeof one === 'string')
    : typeof aud === 'string';
  if (named) return undefined;
  const what = 'text, or a list of texts: the services that the token is for';
  if (!Array.isArray(aud)) return typeMistake('aud', aud, what);
  return `${UNUSABLE}the claim aud is ${aud.length === 0 ? 'an empty list' : 'a list of other things than text'}. It must be ${what}.`;
}

/** What is wrong with the claim that names the bearer, the one of `jwt-principal-claim`. */
export function mistakeInBearer(claim: string, value: unknown): string | undefined {
  if (isPrincipal(value)) return undefined;
  const what = `text of 1 to ${MOST_CHARACTERS} characters that names the bearer; the setting is jwt-principal-claim`;
  if (typeof value !== 'string') return typeMistake(claim, value, what);
  const why =
    value === ''
      ? 'is empty'
      : value.length > MOST_CHARACTERS
        ? 'is too long'
        : 'holds control characters, or others that a log cannot show';
  return `${UNUSABLE}the claim ${claim} ${why}. It must be ${what}.`;
}

/** Says what a value is, without the value. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    default:
      return 'an object';
  }
}

/** A JWE in compact form (RFC 7516, section 7.1), whose header begins as JSON does. */
const COMPACT_JWE = /^eyJ[\w-]*\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/;

export function isEncrypted(token: string): boolean {
  return COMPACT_JWE.test(token);
}

export const ENCRYPTED =
  `${UNUSABLE}it is encrypted (JWE, five parts), and this server has no key to decrypt it. ` +
  'It must be signed and not encrypted (JWS, three parts).';

export const EXTENSIONS = `${UNUSABLE}it needs extensions of JWS ("crit" in its header), and this server has none.`;

const NESTED = `${UNUSABLE}it contains another JWT in place of claims (nested). Send one that is signed once and not encrypted.`;

/** Why the parts of a token cannot be read. */
export function mistakeInParts(token: string): string {
  const [header, claims] = [...token.split('.'), ''].map(read);
  const wrong = partMistake('header', header);
  if (wrong !== undefined) return wrong;
  const { cty } = header.value as { cty?: unknown };
  const nested = typeof cty === 'string' && /^(?:application\/)?jwt$/i.test(cty);
  if ((nested || claims.text.startsWith('eyJ')) && !('value' in claims)) return NESTED;
  return partMistake('payload with the claims', claims) ?? `${UNUSABLE}it cannot be read.`;
}

interface Part {
  readonly text: string;
  /** Absent if the text is not JSON. */
  readonly value?: unknown;
}

function read(part: string): Part {
  const bytes = Buffer.from(part, 'base64url');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, value: JSON.parse(text) as unknown };
  } catch {
    return { text: bytes.toString('latin1') };
  }
}

function partMistake(name: string, part: Part): string | undefined {
  const must = 'It must be a JSON object in UTF-8 and base64url.';
  if (!('value' in part)) return `${UNUSABLE}its ${name} is not JSON. ${must}`;
  const kind = kindOf(part.value);
  return kind === 'an object' ? undefined : `${UNUSABLE}its ${name} is ${kind}. ${must}`;
}
