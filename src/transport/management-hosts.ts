import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Settings } from '../config/settings.js';
import { isLoopback } from './loopback.js';

/** `uri-host [ ":" port ]` (RFC 9110, section 7.2), as browsers and other clients write it: an IPv6 address in brackets, an IPv4 address or a name. */
const HOST = /^(?:\[([\d.:a-f]+)\]|([\w.-]+))(?::\d{0,5})?$/i;

/**
 * Which names the management address goes by. A web page can make its own name resolve to this address (DNS rebinding), and then its browser lets it
 * read what is answered; but the browser says in Host which name that was. An IP address is nobody's to rebind. Owns the names that
 * operators use. Invariant: over loopback, and everywhere once `management-hosts` is set, only those names and IP addresses are answered.
 */
export class ManagementHosts {
  readonly #names: ReadonlySet<string>;
  /** Whether connections over another address than loopback are held to the names, too. */
  readonly #everywhere: boolean;

  constructor({ managementAddr, managementHosts = [] }: Settings) {
    this.#names = new Set([
      'localhost',
      ...managementHosts,
      ...(managementAddr === undefined ? [] : [plain(managementAddr.host)]),
    ]);
    this.#everywhere = managementHosts.length > 0;
  }

  /** Whether to answer a request, by the names that it gives to this address. */
  accepts(request: IncomingMessage): boolean {
    if (!this.#everywhere && !isLoopback(request.socket.localAddress ?? '')) return true;
    const hosts = hostsOf(request);
    // What has no Host is HTTP/1.0, and no browser.
    return hosts.length <= 1 && hosts.every((host) => this.#isOurs(host)) && this.#isOursInTarget(request.url ?? '');
  }

  #isOurs(host: string): boolean {
    const [, ipv6, name] = HOST.exec(host) ?? [];
    if (ipv6 !== undefined) return isIP(ipv6) === 6;
    return name !== undefined && (isIP(name) === 4 || this.#names.has(plain(name)));
  }

  /** A target in absolute form names a host as well, and overrides Host (RFC 9112, section 3.2.2). */
  #isOursInTarget(target: string): boolean {
    return target.startsWith('/') || target === '*' || (URL.canParse(target) && this.#isOurs(new URL(target).host));
  }
}

/** As names are compared: in lower case, without the dot of the root. */
function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Every Host of a request; Node's `headers` has the first one alone. */
function hostsOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1].toLowerCase() === 'host');
}
