import type { WsConnection } from '../../src/transport/ws-connection.js';

/**
 * Tokens (L1) that a connection has spent and that have not come back yet, on a server whose clock stands still at its
 * start.
 */
export function tokensSpent(connection: WsConnection, maxMessagesPerSecond: number): number {
  const STARTED_AT = 1000;
  return Math.max(0, connection.inbox.fullAt - STARTED_AT) / (1000 / maxMessagesPerSecond);
}
