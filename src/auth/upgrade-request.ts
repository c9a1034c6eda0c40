import type { IncomingMessage } from 'node:http';

/** The HTTP request that asks for a WebSocket, as guards see it: `context.switchToHttp().getRequest()`. */
export interface UpgradeRequest extends IncomingMessage {
  /** Set by a guard that learned who the peer is; undefined for an anonymous one, as with a token that many share. */
  principal?: string;
}
