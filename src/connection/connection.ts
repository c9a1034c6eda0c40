import type { CloseReason } from '../protocol/close-codes.js';
import { SUBPROTOCOL_V2 } from '../protocol/subprotocol.js';
import type { Allowance } from './allowance.js';
import type { Tally } from './tally.js';

/** Claims of a JWT, verified and frozen to their depth. */
export type Claims = Readonly<Record<string, unknown>>;

/** How a peer proved who it is. Guards and topic policies may decide by it. It never holds the token itself. */
export interface Proof {
  /** A listed bearer token, a JWT, or a client certificate. */
  readonly kind: 'token' | 'jwt' | 'certificate';
  /**
   * Who vouches for the peer: the claim `iss` of a JWT; of a certificate the authority that issued it (RFC 4514), or
   * the trust domain of an X.509-SVID, such as `spiffe://example.org`.
   */
  readonly issuer?: string | undefined;
  /** What a JWT says of its bearer. */
  readonly claims?: Claims | undefined;
}

/** The topics that a token grants. */
export interface GrantedTopics {
  has(topic: string): boolean;
  /** Memory that they take, in bytes; undefined for none that counts. */
  readonly bytes?: number;
}

/** What opened the server to a peer, such as a token. */
export interface ConnectionCredential {
  readonly proof: Proof;
  /** Whether it was revoked since. */
  readonly revoked: boolean;
  /** The only topics that the peer may use; undefined for all topics. */
  readonly topics?: GrantedTopics | undefined;
  /** When it expires, in milliseconds since the epoch; undefined for never. */
  readonly expiresAt?: number | undefined;
  /** Where a token was needed besides a certificate: the credentials of both, each of which may end. */
  readonly parts?: readonly ConnectionCredential[] | undefined;
}

/** The credentials that a connection came with, none of which consists of others. */
export function partsOf<C extends ConnectionCredential & { readonly parts?: readonly C[] | undefined }>(
  credential: C | undefined,
): readonly C[] {
  return credential === undefined ? [] : (credential.parts ?? [credential]);
}

/**
 * What the domain may do with a peer's connection, whatever carries it.
 * Invariant: `send` does nothing after `close` or `terminate`, or once the peer is gone.
 */
export abstract class Connection {
  /** Unique within this process. Says nothing about the peer. */
  abstract readonly id: number;
  /** Who the peer proved to be at the upgrade; undefined for an anonymous peer. */
  abstract readonly principal: string | undefined;

  /** Where the peer is (L7); undefined if nothing says so. */
  abstract readonly address: string | undefined;

  /** The WebSocket subprotocol that was selected; undefined for none. */
  abstract readonly protocol: string | undefined;

  /** Whether the peer is answered, and told of members: it speaks cairn-signal.v2 (docs/protocol.md, section 12). */
  get v2(): boolean {
    return this.protocol === SUBPROTOCOL_V2;
  }

  /** Source whose bounds it counts towards: see sourceOf. */
  abstract readonly source: string;

  /** What opened the server to it; undefined if nothing was needed. */
  abstract readonly credential: ConnectionCredential | undefined;

  /** What its principal may have, where that differs from the settings. */
  get allowance(): Allowance | undefined {
    return undefined;
  }

  /** What the audit counts of it; undefined without an audit. */
  get tally(): Tally | undefined {
    return undefined;
  }

  /** Whether what is sent may still arrive. */
  abstract readonly open: boolean;

  /**
   * Whether it was cut, or closed for a fault. Then whatever the peer sent and the server has not handled counts no
   * more.
   */
  abstract readonly dismissed: boolean;

  /**
   * Sends one complete WebSocket frame, in the order of the calls. Returns false if the connection is not open any
   * more.
   */
  abstract send(frame: Buffer): boolean;

  /**
   * Sends a frame that is for this connection alone, and large. `make` makes it, in memory of at least `bytes` bytes where
   * that is given: such memory may be used again.
   */
  sendLarge(_bytes: number, make: (memory?: Buffer) => Buffer): boolean {
    return this.send(make());
  }

  /** Counts messages towards the peer's rate limit, as if the peer had sent them. */
  abstract charge(messages: number): void;
  /**
   * Handles nothing more from the peer until `until` is fulfilled. Nothing is lost. A rejection is our own fault, and
   * closes the connection (1011). If `subscribing`, a Subscribe may be handled all the same: it would wait for the same.
   */
  abstract hold(until: Promise<void>, subscribing?: boolean): void;
  /** Begins the closing handshake. What was sent before is delivered first. */
  abstract close(reason: CloseReason): void;
  /** Cuts the connection without a handshake. */
  abstract terminate(): void;
}
