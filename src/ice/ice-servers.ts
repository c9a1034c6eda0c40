import type { RequestFault } from '../protocol/error-codes.js';
import type { IceServer } from '../protocol/response.js';

/** Who asks for ICE servers. */
export interface Asker {
  /** Who the peer proved to be; undefined for an anonymous peer. */
  readonly principal: string | undefined;
  /** Source whose bounds it counts towards (J8). */
  readonly source: string;
}

/** What a peer is told to use, and for how many seconds. */
export interface Issued {
  readonly ttl: number;
  readonly servers: readonly IceServer[];
  /** What TURN servers call the peer, where this server made that up: it names nobody. */
  readonly pseudonym?: string | undefined;
}

/** What somebody who asks is told: servers, or why there are none. */
export type Told = Issued | RequestFault;

export function isIssued(told: Told): told is Issued {
  return 'servers' in told;
}

/**
 * Where ICE servers, and the credentials for them, come from. A port. Does not know how it was asked.
 *
 * The contract:
 * - It never throws and never rejects: whatever fails is a RequestFault.
 * - What it issues is STUN and TURN servers with URLs in lower case, at least one; TURN servers with username and
 *   credential. It is a copy: nothing changes it later, and whoever gets it cannot change what others get.
 * - Credentials hold for at least `ttl` seconds from when they are told, whether they are fresh or not; `ttl` is a whole
 *   number from 1 to 86,400.
 * - It issues credentials of one asker to no other source.
 */
export abstract class IceServers {
  abstract issue(asker: Asker): Told | Promise<Told>;
}
