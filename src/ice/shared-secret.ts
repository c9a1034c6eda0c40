import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import type { IceServer } from '../protocol/response.js';
import { IceServers } from './ice-servers.js';
import type { Asker, Issued } from './ice-servers.js';
import { TurnSecret } from './turn-secret.js';

/**
 * The STUN and TURN servers of `stun-urls` and `turn-urls`, with credentials from the secret that they share. Owns
 * nothing. Does not know who may ask.
 * Invariant: the same source is the same user on every node, and fresh credentials hold for `turn-ttl`.
 */
@Injectable()
export class SharedSecret extends IceServers {
  constructor(
    private readonly settings: Settings,
    private readonly secret: TurnSecret,
    private readonly clock: Clock,
  ) {
    super();
  }

  issue({ source }: Pick<Asker, 'source'>): Issued {
    const { stunUrls, turnUrls, turnTtl } = this.settings;
    const ttl = Math.floor(turnTtl / 1000);
    const servers: IceServer[] = [];
    if (stunUrls !== undefined) servers.push({ urls: [...stunUrls] });
    if (turnUrls === undefined) return { ttl, servers };
    const expiry = Math.floor(this.clock.now() / 1000) + ttl;
    const pseudonym = this.secret.pseudonym(source);
    servers.push({ urls: [...turnUrls], ...this.secret.credentials(pseudonym, expiry) });
    return { ttl, servers, pseudonym };
  }
}
