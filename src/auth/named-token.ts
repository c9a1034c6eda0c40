import { createHash } from 'node:crypto';

/**
 * A token of which only the digest is known, with the name of its bearer: a line `name:sha256:<hex>` of a token file.
 */
export interface NamedToken {
  /** The principal of a peer that shows the token. */
  readonly name: string;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
}

/** Allowed names: nothing that needs quoting in a log, a policy or a shell. */
export const TOKEN_NAME = /^[\w.-]{1,64}$/;

export const NAME_RULE = '1 to 64 letters, digits, ".", "_" or "-"';

/**
 * Marks a line as a named token. A plain token that contains it is taken for a mistake: it would lie in the file in the
 * clear.
 */
const MARK = ':sha256:';

/** Reads a line of a token file: a named token, `malformed` for a broken one, undefined for a plain token. */
export function readNamedToken(line: string): NamedToken | 'malformed' | undefined {
  if (!line.toLowerCase().includes(MARK)) return undefined;
  const [name, scheme, hex, ...rest] = line.split(':');
  if (scheme !== 'sha256' || rest.length > 0 || !TOKEN_NAME.test(name) || !/^[0-9a-f]{64}$/i.test(hex)) {
    return 'malformed';
  }
  const digest = Buffer.from(hex, 'hex');
  // A script with an unset variable writes this digest. The empty token would open the server to everyone.
  return digest.equals(OF_NOTHING) ? 'malformed' : { name, digest };
}

/** Returns the line of a token file that opens the server to `name` with `token`. */
export function namedTokenLine(name: string, token: string): string {
  return `${name}${MARK}${digestOf(token).toString('hex')}`;
}

/** Returns the SHA-256 of a token. A fast hash is enough: tokens are long and random, so nobody can guess one. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

const OF_NOTHING = digestOf('');
