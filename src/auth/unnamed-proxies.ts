import { Injectable } from '@nestjs/common';
import { Log, Logs } from '../logging/log.js';

/** Limits that count for the address or network that a peer comes from. */
export type LimitBySource = 'max-connections-per-ip' | 'max-wrong-tokens' | 'records-per-source';

/** Why the server did not learn from a request where its peer is, although the request says so. */
export type Unread = 'not-trusted' | 'other-header' | 'further-proxy';

/** Maximum number of networks remembered: about 100 KB. Beyond that the oldest is forgotten. */
const MOST_NETWORKS = 1000;

const ADVICE: { readonly [Why in Unread]: string } = {
  'not-trusted':
    'it sends a header that says for whom (such as X-Forwarded-For), but is not one of trusted-proxies. If it is your ' +
    'proxy, name it there',
  'other-header':
    'it is one of trusted-proxies, but says for whom in another header than forwarded-header. Set that to the one that ' +
    'your proxy writes',
  'further-proxy':
    'it is the last address in the header of a proxy that is not one of trusted-proxies itself. If it is your proxy, too, ' +
    'name it there',
};

/**
 * Owns which networks seem to be proxies that nobody named: requests from there say for whom they come. Warns where
 * such a network reaches a limit by source, since all peers behind it share the limit. Knows nothing of limits or
 * headers.
 * Invariant: there is at most one warning for each limit.
 */
@Injectable()
export class UnnamedProxies {
  readonly #networks = new Map<string, Unread>();
  readonly #warned = new Set<LimitBySource>();
  readonly #log: Log<'upgrade'>;

  constructor(logs: Logs) {
    this.#log = logs.for('upgrade');
  }

  /** A request came from a network, and this of what it says was not read. */
  seen(network: string, unread: Unread): void {
    if (this.#networks.has(network)) return;
    if (this.#networks.size === MOST_NETWORKS) this.#networks.delete(this.#networks.keys().next().value!);
    this.#networks.set(network, unread);
  }

  /** A network reached a limit. */
  reached(limit: LimitBySource, network: string): void {
    const unread = this.#networks.get(network);
    if (unread === undefined || this.#warned.has(limit)) return;
    this.#warned.add(limit);
    this.#log.write('unnamed_proxy', { remote: network }, { limit, advice: ADVICE[unread] });
  }
}
