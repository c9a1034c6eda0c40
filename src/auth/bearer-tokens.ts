import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The tokens that open the server. Keeps only their digests, so none of them can leak from here.
 * Invariant: how long a comparison takes does not depend on how much of a token was right.
 */
export class BearerTokens {
  readonly #digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.map(digest);
  }

  /** Whether a token is needed at all: with none configured the server is open. */
  get required(): boolean {
    return this.#digests.length > 0;
  }

  accepts(token: string): boolean {
    const presented = digest(token);
    let found = false;
    for (const known of this.#digests) found = timingSafeEqual(known, presented) || found;
    return found;
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
