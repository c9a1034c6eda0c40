import type { Claims } from '../../connection/connection.js';

/** Claims that hold several values in one text, with spaces between them (RFC 8693, section 4.2). */
const SPACED = new Set(['scope', 'scp']);

/**
 * Returns the claim of that name. Where there is none, the name is a path, such as `realm_access.roles`: a claim, and
 * behind a dot what is inside of it. A name on the way may have dots itself; the longest one that is there is taken
 * first. Returns undefined where there is nothing.
 */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot);
    const inner = Object.hasOwn(claims, name) ? claims[name] : undefined;
    const found = isObject(inner) ? claimAt(inner, path.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Whether a claim holds one of these values: as text, number or truth value, as one in a list, or in `scope` or `scp`
 * as a word.
 */
export function holdsOneOf(claims: Claims, path: string, wanted: readonly string[]): boolean {
  const value = claimAt(claims, path);
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const spaced = SPACED.has(path.slice(path.lastIndexOf('.') + 1)) && typeof value === 'string' ? value.split(' ') : [];
  return [...values, ...spaced].some((each) => isPlain(each) && wanted.includes(String(each)));
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
