import { createHash } from 'node:crypto';

/** A token that is known by its digest alone, and whose bearer has a name: what a line `name:sha256:<hex>` of a token file says. */
export interface NamedToken {
  /** The principal of who shows it. */
  readonly name: string;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
}

/** What the name of a token may be: nothing that needs quoting in a log, a policy or a shell. */
export const TOKEN_NAME = /^[\w.-]{1,64}$/;

export const NAME_RULE = '1 to 64 letters, digits, ".", "_" or "-"';

/** Marks a line as a named token; a plain token that holds it would be one by mistake, and lie in the file in the clear. */
const MARK = ':sha256:';

/** The named token of a line; `malformed` when it was meant to be one and is none, undefined when it is a plain token. */
export function readNamedToken(line: string): NamedToken | 'malformed' | undefined {
  if (!line.toLowerCase().includes(MARK)) return undefined;
  const [name, scheme, hex, ...rest] = line.split(':');
  if (scheme !== 'sha256' || rest.length > 0 || !TOKEN_NAME.test(name) || !/^[0-9a-f]{64}$/i.test(hex)) {
    return 'malformed';
  }
  const digest = Buffer.from(hex, 'hex');
  // What a script makes of a variable that is not set: it would be everybody's.
  return digest.equals(OF_NOTHING) ? 'malformed' : { name, digest };
}

/** The line of a token file under which `token` opens the server to `name`. */
export function namedTokenLine(name: string, token: string): string {
  return `${name}${MARK}${digestOf(token).toString('hex')}`;
}

/** SHA-256. Plain and fast, since tokens are long and random: there is nothing to guess that a slow hash would have to protect. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

const OF_NOTHING = digestOf('');
