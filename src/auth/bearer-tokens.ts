import { timingSafeEqual } from 'node:crypto';
import type { ConnectionCredential } from '../connection/connection.js';
import { digestOf } from './named-token.js';
import type { NamedToken } from './named-token.js';

/** What opened the server to a peer, as those see it who never see the token itself. */
export interface Credential extends ConnectionCredential {
  /** Who its bearer is; undefined for a token that many may share. */
  readonly principal?: string | undefined;
}

/** A token as it is configured: itself, or its name and digest. */
export type ConfiguredToken = string | NamedToken;

interface KnownToken extends Credential {
  readonly digest: Buffer;
  revoked: boolean;
}

/**
 * The tokens that open the server. Keeps only their digests, so none of them can leak from here.
 * Invariant: how long a comparison takes does not depend on how much of a token was right; a token keeps its Credential for
 * as long as it opens the server under the same name, and once revoked a Credential stays so.
 */
export class BearerTokens {
  #known: readonly KnownToken[] = [];
  #onRevoked: (() => void) | undefined;

  constructor(tokens: readonly ConfiguredToken[]) {
    this.replace(tokens);
  }

  /** Whether there is any. */
  get required(): boolean {
    return this.#known.length > 0;
  }

  /** Calls `listener` whenever tokens were revoked. */
  onRevoked(listener: () => void): void {
    this.#onRevoked = listener;
  }

  /** The credential of a token that opens the server. */
  find(token: string): Credential | undefined {
    const presented = digestOf(token);
    let found: KnownToken | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, presented)) found = known;
    return found;
  }

  /** From now on these open the server, and no others. How many were added, and how many revoked. */
  replace(tokens: readonly ConfiguredToken[]): { added: number; revoked: number } {
    const before = new Map(this.#known.map((known) => [identityOf(known.digest, known.principal), known]));
    const after = new Map<string, KnownToken>();
    for (const token of tokens) {
      const { name: principal, digest } =
        typeof token === 'string' ? { name: undefined, digest: digestOf(token) } : token;
      const identity = identityOf(digest, principal);
      after.set(identity, before.get(identity) ?? { digest, principal, revoked: false });
    }
    this.#known = [...after.values()];
    const removed = [...before].filter(([identity]) => !after.has(identity));
    for (const [, known] of removed) known.revoked = true;
    if (removed.length > 0) this.#onRevoked?.();
    return { added: after.size - (before.size - removed.length), revoked: removed.length };
  }
}

/** What a token must keep to remain the same one. */
function identityOf(digest: Buffer, principal = ''): string {
  return `${digest.toString('hex')} ${principal}`;
}
