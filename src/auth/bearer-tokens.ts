import { createHash, timingSafeEqual } from 'node:crypto';

/** One of the tokens, as those see it who never see the token itself. */
export interface Credential {
  /** Whether it opens the server no longer. */
  readonly revoked: boolean;
}

interface KnownToken {
  readonly digest: Buffer;
  revoked: boolean;
}

/**
 * The tokens that open the server. Keeps only their digests, so none of them can leak from here.
 * Invariant: how long a comparison takes does not depend on how much of a token was right; a token keeps its Credential for
 * as long as it opens the server, and once revoked a Credential stays so.
 */
export class BearerTokens {
  #known: readonly KnownToken[];

  constructor(tokens: readonly string[]) {
    this.#known = [...new Set(tokens)].map((token) => ({ digest: digest(token), revoked: false }));
  }

  /** Whether a token is needed at all: with none configured the server is open. */
  get required(): boolean {
    return this.#known.length > 0;
  }

  /** The credential of a token that opens the server. */
  find(token: string): Credential | undefined {
    const presented = digest(token);
    let found: KnownToken | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, presented)) found = known;
    return found;
  }

  /** From now on these open the server, and no others. How many were added, and how many revoked. */
  replace(tokens: readonly string[]): { added: number; revoked: number } {
    const before = this.#known;
    this.#known = [...new Set(tokens)].map((token) => (this.find(token) as KnownToken | undefined) ?? { digest: digest(token), revoked: false });
    const removed = before.filter((known) => !this.#known.includes(known));
    for (const known of removed) known.revoked = true;
    return { added: this.#known.length - (before.length - removed.length), revoked: removed.length };
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
