import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Settings } from '../config/settings.js';
import { hostsOf } from './host-header.js';
import { isLoopback } from './loopback.js';

/**
 * `uri-host [ ":" port ]` (RFC 9110, section 7.2), as browsers and other clients write it: an IPv6 address in brackets,
 * an IPv4 address, or a name.
 */
const HOST = /^(?:\[([\d.:a-f]+)\]|([\w.-]+))(?::\d{0,5})?$/i;

/**
 * Decides which host names the management address answers to. A web page can make its own name resolve to this address
 * (DNS rebinding), and then its browser lets it read the answers. But the browser says in Host which name that was. IP
 * addresses cannot be rebound. Owns the names that operators use. Knows nothing of paths or answers.
 * Invariant: over loopback, and everywhere once `management-hosts` is set, only those names and IP addresses are
 * answered.
 */
export class ManagementHosts {
  readonly #names: ReadonlySet<string>;
  /** Whether the names also bind connections that do not come over loopback. */
  readonly #everywhere: boolean;

  constructor({ managementAddr, managementHosts = [] }: Settings) {
    this.#names = new Set([
      'localhost',
      ...managementHosts,
      ...(managementAddr === undefined || 'path' in managementAddr ? [] : [normalized(managementAddr.host)]),
    ]);
    this.#everywhere = managementHosts.length > 0;
  }

  /** Returns whether to answer a request, by the host names in it. */
  accepts(request: IncomingMessage): boolean {
    if (!this.#everywhere && !isLoopback(request.socket.localAddress ?? '')) return true;
    const hosts = hostsOf(request);
    // A request without Host is HTTP/1.0, and not from a browser.
    return hosts.length <= 1 && hosts.every((host) => this.#isOurs(host)) && this.#isOursInTarget(request.url ?? '');
  }

  #isOurs(host: string): boolean {
    const [, ipv6, name] = HOST.exec(host) ?? [];
    if (ipv6 !== undefined) return isIP(ipv6) === 6;
    return name !== undefined && (isIP(name) === 4 || this.#names.has(normalized(name)));
  }

  /**
   * Returns whether the host of a target in absolute form is one of ours. It overrides Host (RFC 9112, section 3.2.2).
   */
  #isOursInTarget(target: string): boolean {
    return target.startsWith('/') || target === '*' || (URL.canParse(target) && this.#isOurs(new URL(target).host));
  }
}

/** Normalizes a name for comparison: lower case, without the dot of the root. */
function normalized(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
