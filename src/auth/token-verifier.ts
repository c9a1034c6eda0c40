import type { Credential } from './bearer-tokens.js';

/** An issuer of the settings that a token names, and whether the token is proved to be its own. */
export interface NamedIssuer {
  readonly issuer: string;
  readonly proved: boolean;
}

/** Judges tokens that are not listed, but say who issued them and to whom. Knows nothing of requests. */
export abstract class TokenVerifier {
  /** Whether the server accepts such tokens. */
  abstract readonly on: boolean;
  /** Whether a token looks like one of these; says nothing about whether it is valid. */
  abstract takes(token: string): boolean;
  /**
   * Returns the credential of a valid token. Rejects with a Refusal that says why the token is not valid. Calls `found`
   * with what is known of the issuer so far, again when more is known.
   */
  abstract verify(token: string, found?: (named: NamedIssuer) => void): Promise<Credential>;
  /**
   * Reads a key file again and returns the number of its keys. Throws a StartupError that names the file, and keeps the
   * old keys, if it cannot be used.
   */
  abstract readKeysAgain(path: string): number;
}

/** The verifier of a server that accepts only listed tokens. */
export class NoVerifier extends TokenVerifier {
  readonly on = false;

  takes(): boolean {
    return false;
  }

  verify(): Promise<Credential> {
    throw new Error('this server accepts listed tokens only');
  }

  readKeysAgain(): number {
    return 0;
  }
}
