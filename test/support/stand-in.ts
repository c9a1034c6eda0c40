import { Connection } from '../../src/connection/connection.js';
import type { CloseReason } from '../../src/protocol/close-codes.js';

/** A connection with nothing but its principal, the expiry of its credential, and how it was closed. */
export class StandIn extends Connection {
  readonly source = 'here';
  readonly address = undefined;
  readonly protocol = undefined;
  readonly credential;
  readonly closes: CloseReason[] = [];
  onClose: () => void = () => undefined;

  constructor(
    readonly id: number,
    expiresAt: number | undefined,
    readonly principal: string | undefined,
  ) {
    super();
    this.credential = { proof: { kind: 'jwt' as const }, revoked: false, expiresAt };
  }

  get open(): boolean {
    return this.closes.length === 0;
  }

  get dismissed(): boolean {
    return !this.open;
  }

  send = (): boolean => true;
  charge = (): void => undefined;
  hold = (): void => undefined;
  terminate = (): void => undefined;

  close(reason: CloseReason): void {
    this.closes.push(reason);
    this.onClose();
  }
}
