import type { IncomingMessage } from 'node:http';

/** The HTTP request that asks for a WebSocket, as guards see it: `context.switchToHttp().getRequest()`. */
export interface UpgradeRequest extends IncomingMessage {
  /** Set by the guard that authenticated the peer; undefined for an anonymous one. */
  principal?: string;
}
