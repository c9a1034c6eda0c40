import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Network } from '../config/values.js';

/** The header that RFC 7239 defines; every other one is taken for a list of addresses by commas. */
const FORWARDED = 'forwarded';

/**
 * Finds out where a peer is when proxies stand between: believes one header, and only as far as proxies that are trusted
 * wrote it. Knows nothing of limits. Invariant: what a peer itself writes into a header never becomes its address.
 */
export class TrustedProxies {
  readonly #trusted = new BlockList();

  /** `header` in lower case. */
  constructor(
    networks: readonly Network[],
    private readonly header: string,
  ) {
    for (const { address, prefix, family } of networks) this.#trusted.addSubnet(address, prefix, family);
  }

  /** The rightmost hop that is not trusted; the last one known where a proxy wrote something else than an address. */
  addressOf({ socket, headers }: IncomingMessage): string {
    let address = plain(socket.remoteAddress ?? '') ?? 'unknown';
    if (!this.#trusts(address)) return address;
    for (const written of hops(this.header, headers[this.header]).toReversed()) {
      const hop = plain(written);
      if (hop === undefined) return address;
      address = hop;
      if (!this.#trusts(hop)) return address;
    }
    return address;
  }

  #trusts(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** What each proxy wrote, the one nearest to us last. */
function hops(header: string, value: string | string[] | undefined): string[] {
  const elements = [value ?? []].flat().join(',').split(',').map((element) => element.trim()).filter((element) => element !== '');
  if (header !== FORWARDED) return elements;
  // RFC 7239, section 4: pairs by semicolons; without "for" it is not known from where.
  return elements.map((element) => /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;]*)/i.exec(element)?.[1].replaceAll('"', '').trim() ?? '');
}

/** An IPv6 address in brackets or an IPv4 address, with a port. */
const WITH_PORT = /^(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/;

/** An address as Node writes it: no port, no brackets, no zone, IPv4 where it was mapped into IPv6. Undefined for what is none. */
function plain(written: string): string | undefined {
  const [, ipv6, ipv4] = WITH_PORT.exec(written) ?? [];
  const [address] = (ipv6 ?? ipv4 ?? written).split('%');
  if (isIP(address) === 0) return undefined;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}
