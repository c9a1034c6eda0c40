import { timingSafeEqual } from 'node:crypto';
import type { ConnectionCredential } from '../connection/connection.js';
import { digestOf } from './named-token.js';
import type { NamedToken } from './named-token.js';

/** What opened the server to a peer, for code that never sees the token itself. */
export interface Credential extends ConnectionCredential {
  /** Name of its bearer; undefined for a token that several peers may share. */
  readonly principal?: string | undefined;
}

/** A configured token: the token itself, or its name and digest. */
export type ConfiguredToken = string | NamedToken;

interface KnownToken extends Credential {
  readonly digest: Buffer;
  revoked: boolean;
}

/**
 * Owns the tokens that open the server. Keeps only their digests, so no token can leak from here. Knows no
 * requests.
 * Invariant: the time of a comparison does not depend on how much of a token was right. A token keeps its Credential
 * while it opens the server under the same name. A revoked Credential stays revoked.
 */
export class BearerTokens {
  #known: readonly KnownToken[] = [];
  #onRevoked: (() => void) | undefined;

  constructor(tokens: readonly ConfiguredToken[]) {
    this.replace(tokens);
  }

  /** Whether any token is configured. */
  get required(): boolean {
    return this.#known.length > 0;
  }

  /** Calls `listener` whenever tokens were revoked. */
  onRevoked(listener: () => void): void {
    this.#onRevoked = listener;
  }

  /** Returns the credential of a token that opens the server; undefined for any other token. */
  find(token: string): Credential | undefined {
    const presented = digestOf(token);
    let found: KnownToken | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, presented)) found = known;
    return found;
  }

  /** Replaces the tokens that open the server. Returns how many were added and how many were revoked. */
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

/** Identifies a token across reloads: by its digest and its name. */
function identityOf(digest: Buffer, principal = ''): string {
  return `${digest.toString('hex')} ${principal}`;
}
