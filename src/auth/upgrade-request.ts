import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { partsOf } from '../connection/connection.js';
import type { Allowance } from '../connection/allowance.js';
import type { Credential } from './bearer-tokens.js';
import type { NamedIssuer } from './token-verifier.js';
import { isPrincipal } from './principal.js';
import type { UpgradeResponse } from './upgrade-response.js';

/** The HTTP request of an upgrade to WebSocket, as guards see it: `context.switchToHttp().getRequest()`. */
export interface UpgradeRequest extends IncomingMessage {
  /** IP address of the peer, as far as it is known; a proxy's address if that proxy is not trusted. */
  peerAddress: string;
  /** The same, by the name that Express and Fastify have for it. */
  readonly ip: string;
  /** What guards have to say besides yes and no: `context.switchToHttp().getResponse()`. */
  res: UpgradeResponse;
  /** The network that limits count for: an IPv4 address, or the /64 of an IPv6 address. */
  peerNetwork: string;
  /** Set by the guard that learned who the peer is; undefined for an anonymous peer, as with a token without a name. */
  principal?: string;
  /**
   * What the principal may have, where that differs from the settings: set by the guard that reads the claim `limits`,
   * or by a custom guard. It may allow more or less.
   */
  limits?: Allowance | undefined;
  /** Set by the guard that reads tokens: what the shown token gives to the peer. */
  credential?: Credential | undefined;
  /** Set by the guard that reads tokens: the issuer that a JWT names, for the case that it is refused. */
  named?: NamedIssuer | undefined;
}

/** Returns the upgrade that a guard is asked about. */
export function upgradeOf(context: ExecutionContext): UpgradeRequest {
  return context.switchToHttp().getRequest<UpgradeRequest>();
}

type Named = Pick<UpgradeRequest, 'principal' | 'credential'>;

/** Returns the credential that proved the principal; undefined where a guard set it. */
export function provedBy({ principal, credential }: Named): Credential | undefined {
  return partsOf(credential).find((part) => part.principal === principal);
}

/** Whether the principal is one: guards may set anything. Credentials have their own rules (A1, A4, A14). */
export function hasPrincipal(request: Named): boolean {
  return provedBy(request) !== undefined || isPrincipal(request.principal);
}
