import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Network } from '../config/values.js';
import { plainAddress } from '../presence/source.js';

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
    let address = plainAddress(socket.remoteAddress ?? '') ?? 'unknown';
    if (!this.#trusts(address)) return address;
    const header = Object.hasOwn(headers, this.header) ? headers[this.header] : undefined;
    for (const written of hops(this.header, header).toReversed()) {
      const hop = plain(written);
      if (hop === undefined) return address;
      address = hop;
      if (!this.#trusts(hop)) return address;
    }
    return address;
  }

  #trusts(address: string): boolean {
    if (this.#trusted.rules.length === 0) return false;
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** A quoted string (RFC 9110, section 5.6.4), or one character of anything else. */
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const ELEMENTS = new RegExp(`(?:${QUOTED}|[^",])+`, 'g');
const PAIRS = new RegExp(`(?:${QUOTED}|[^";])+`, 'g');

/** What each proxy wrote, the one nearest to us last. */
function hops(header: string, value: string | string[] | undefined): string[] {
  const written = [value ?? []].flat().join(',');
  if (header !== FORWARDED) return written.split(',').map((element) => element.trim()).filter((element) => element !== '');
  // A quote that nobody closed could hide where an element ends.
  if (written.replaceAll(new RegExp(QUOTED, 'g'), '').includes('"')) return [''];
  return (written.match(ELEMENTS) ?? []).filter((element) => element.trim() !== '').map(forOf);
}

/** RFC 7239, section 4: of pairs by semicolons, the value of "for"; without one it is not known from where, nor with two. */
function forOf(element: string): string {
  const values = (element.match(PAIRS) ?? []).map((pair) => /^\s*for\s*=\s*(.*?)\s*$/i.exec(pair)?.[1]).filter((value) => value !== undefined);
  return values.length === 1 ? values[0].replaceAll('"', '') : '';
}

/** An IPv6 address in brackets or an IPv4 address, with a port. */
const WITH_PORT = /^(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/;

/** The address that a proxy wrote, with or without a port; undefined for something else. */
function plain(written: string): string | undefined {
  const [, ipv6, ipv4] = WITH_PORT.exec(written) ?? [];
  return plainAddress(ipv6 ?? ipv4 ?? written);
}
