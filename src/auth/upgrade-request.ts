import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import type { Credential } from './bearer-tokens.js';

/** The HTTP request that asks for a WebSocket, as guards see it: `context.switchToHttp().getRequest()`. */
export interface UpgradeRequest extends IncomingMessage {
  /** Where the peer is, as far as it can be known: an IP address, that of a proxy where none is trusted. */
  peerAddress: string;
  /** The network that its limits are counted for: an IPv4 address, or the /64 of an IPv6 one. */
  peerNetwork: string;
  /** Set by a guard that learned who the peer is; undefined for an anonymous one, as with a token without a name. */
  principal?: string;
  /** Set by the guard that takes tokens: the one that was shown. */
  credential?: Credential | undefined;
}

/** The upgrade that a guard is asked about. */
export function upgradeOf(context: ExecutionContext): UpgradeRequest {
  return context.switchToHttp().getRequest<UpgradeRequest>();
}
