import type { Credential } from './bearer-tokens.js';

/** Judges tokens that are not listed anywhere, but say themselves who issued them to whom. Knows nothing of requests. */
export abstract class TokenVerifier {
  /** Whether there are any such tokens. */
  abstract readonly on: boolean;
  /** Whether this looks like such a token; not whether it is a good one. */
  abstract takes(token: string): boolean;
  /** What the token gives to its bearer. Rejects with a Refusal that says why it gives nothing. */
  abstract verify(token: string): Promise<Credential>;
  /** Reads the keys again that a file holds; how many there are. Throws a StartupError that names the file, and keeps what it had. */
  abstract readKeysAgain(): number;
}

/** Where every token that opens the server is listed. */
export class NoVerifier extends TokenVerifier {
  readonly on = false;

  takes(): boolean {
    return false;
  }

  verify(): Promise<Credential> {
    throw new Error('no token is taken');
  }

  readKeysAgain(): number {
    return 0;
  }
}
