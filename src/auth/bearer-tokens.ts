import { inOneGo } from '../clock/in-turns.js';
import type { Work } from '../clock/in-turns.js';
import type { ConnectionCredential, Proof } from '../connection/connection.js';
import { digestOf } from './named-token.js';
import type { NamedToken } from './named-token.js';

/** What opened the server to a peer, for code that never sees the token itself. */
export interface Credential extends ConnectionCredential {
  /** Name of its bearer; undefined for a token that several peers may share. */
  readonly principal?: string | undefined;
  readonly parts?: readonly Credential[] | undefined;
}

/** A configured token: the token itself, or its name and digest. */
export type ConfiguredToken = string | NamedToken;

interface KnownToken extends Credential {
  revoked: boolean;
}

/** Tokens that are ready to replace the ones in use. */
export interface Replacement {
  readonly known: ReadonlyMap<string, KnownToken>;
  readonly added: number;
  /** Tokens that will not open the server any more. */
  readonly removed: readonly KnownToken[];
}

/** How the bearer of a listed token proved who it is. */
const LISTED: Proof = Object.freeze({ kind: 'token' });

/** Steps of work between two pauses. */
const STEPS = 256;

/**
 * Owns the tokens that open the server. Keeps only their digests, so no token can leak from here. Knows no
 * requests.
 * Invariant: the time that a lookup takes says nothing about a token. What is looked up, and compared byte by byte, is
 * the SHA-256 digest of the token that a peer shows. Whoever measures the time learns at most how a known digest
 * begins. They cannot choose a token by the beginning of its digest without trying as many tokens as a blind guess
 * takes, and a digest does not lead back to its token. A token keeps its Credential while it opens the server under the
 * same name. A revoked Credential stays revoked.
 */
export class BearerTokens {
  /** By digest. */
  #known: ReadonlyMap<string, KnownToken> = new Map();
  #onRevoked: (() => void) | undefined;

  constructor(tokens: readonly ConfiguredToken[]) {
    this.replace(tokens);
  }

  /** Whether any token is configured. */
  get required(): boolean {
    return this.#known.size > 0;
  }

  /** Calls `listener` whenever tokens were revoked. */
  onRevoked(listener: () => void): void {
    this.#onRevoked = listener;
  }

  /** Returns the credential of a token that opens the server; undefined for any other token. */
  find(token: string): Credential | undefined {
    return this.#known.get(keyOf(digestOf(token)));
  }

  /** Replaces the tokens that open the server. Returns how many were added and how many were revoked. */
  replace(tokens: readonly ConfiguredToken[]): { added: number; revoked: number } {
    return this.use(inOneGo(this.prepare(tokens)));
  }

  /** Compares these tokens with those in use, and changes nothing. Nobody else may replace them before `use`. */
  *prepare(tokens: readonly ConfiguredToken[]): Work<Replacement> {
    const known = new Map<string, KnownToken>();
    const removed: KnownToken[] = [];
    let steps = 0;
    for (const token of tokens) {
      const { name: principal, digest } = digested(token);
      const key = keyOf(digest);
      const before = this.#known.get(key);
      known.set(
        key,
        before?.principal === principal && before !== undefined ? before : { proof: LISTED, principal, revoked: false },
      );
      if (++steps % STEPS === 0) yield;
    }
    for (const [key, token] of this.#known) {
      if (known.get(key) !== token) removed.push(token);
      if (++steps % STEPS === 0) yield;
    }
    return { known, added: known.size - (this.#known.size - removed.length), removed };
  }

  /** Takes prepared tokens into use. Returns how many were added and how many were revoked. */
  use({ known, added, removed }: Replacement): { added: number; revoked: number } {
    this.#known = known;
    for (const token of removed) token.revoked = true;
    if (removed.length > 0) this.#onRevoked?.();
    return { added, revoked: removed.length };
  }
}

/** The key of a digest: one byte per character. */
function keyOf(digest: Buffer): string {
  return digest.toString('latin1');
}

function digested(token: ConfiguredToken): { readonly name: string | undefined; readonly digest: Buffer } {
  return typeof token === 'string' ? { name: undefined, digest: digestOf(token) } : token;
}
