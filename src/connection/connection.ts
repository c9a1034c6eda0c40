import type { CloseReason } from '../protocol/close-codes.js';

/** What opened the server to a peer. */
export interface ConnectionCredential {
  /** Whether it opens the server no longer. */
  readonly revoked: boolean;
  /** The only topics that the peer may use; undefined where it does not say. */
  readonly topics?: ReadonlySet<string> | undefined;
  /** When it ends, in milliseconds since the epoch; undefined where it does not. */
  readonly expiresAt?: number | undefined;
}

/**
 * What the domain may do with a peer's connection, whatever carries it.
 * Invariant: after `close` or `terminate`, or once the peer is gone, `send` does nothing.
 */
export abstract class Connection {
  /** Unique within this process; says nothing about the peer. */
  abstract readonly id: number;
  /** Who the peer proved to be at the upgrade; undefined for an anonymous one. */
  abstract readonly principal: string | undefined;

  /** Whose bounds it counts towards: see sourceOf. */
  abstract readonly source: string;

  /** What opened the server to it; undefined where nothing was needed. */
  abstract readonly credential: ConnectionCredential | undefined;

  /** Whether what is sent may still arrive. */
  abstract readonly open: boolean;

  /** Whether it was closed for a fault or cut: nothing that the peer said, and that is not done yet, counts any more. */
  abstract readonly dismissed: boolean;

  /** Sends one whole WebSocket frame, in the order of the calls. False when the connection is no longer open. */
  abstract send(frame: Buffer): boolean;
  /** Counts messages towards the rate at which the peer may send, as if it had sent them. */
  abstract charge(messages: number): void;
  /**
   * Handles nothing more of what the peer sends until `until` is fulfilled. Nothing is lost. A rejection is a fault of ours, and
   * closes the connection (1011).
   */
  abstract hold(until: Promise<void>): void;
  /** Begins the closing handshake; what was sent before is delivered first. */
  abstract close(reason: CloseReason): void;
  /** Cuts the connection without a handshake. */
  abstract terminate(): void;
}
