import type { Claims, Proof } from '../../connection/connection.js';

/** Maximum depth of claims. Providers nest two or three deep; what walks through claims may recurse. */
export const MOST_DEEP = 32;

/**
 * How the bearer of a JWT proved who it is. A connection holds the claims as their text, since as objects they may take
 * twenty times as much (docs/adr/0012). They are read when somebody looks, and kept while that somebody holds them.
 */
export function jwtProof(issuer: string, token: string): Proof {
  const text = new TextDecoder().decode(Buffer.from(token.split('.')[1], 'base64url'));
  let read: WeakRef<Claims> | undefined;
  return Object.freeze({
    kind: 'jwt',
    issuer,
    get claims(): Claims {
      const known = read?.deref();
      if (known !== undefined) return known;
      const claims = frozen(JSON.parse(text) as Claims);
      read = new WeakRef(claims);
      return claims;
    },
  });
}

/** Whether a value is nested deeper than `MOST_DEEP`. Does not recurse. */
export function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; depth <= MOST_DEEP && level.length > 0; depth++) {
    level = level.flatMap((each) =>
      typeof each === 'object' && each !== null ? (Object.values(each) as unknown[]) : [],
    );
  }
  return level.length > 0;
}

/** Freezes claims to their depth: guards and policies share them. They were JSON, so they have no cycles. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
