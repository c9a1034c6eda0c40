import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Network } from '../config/values.js';
import { plainAddress } from '../connection/source.js';

/** The header that RFC 7239 defines; every other one is taken for a list of addresses by commas. */
const FORWARDED = 'forwarded';

/**
 * Finds out where a peer is when proxies stand between: believes one header, and only as far as proxies that are trusted
 * wrote it. Knows nothing of limits. Invariant: what a peer itself writes into a header never becomes its address.
 */
export class TrustedProxies {
  readonly #trusted = new BlockList();
  readonly #any: boolean;

  /** `header` in lower case. */
  constructor(
    networks: readonly Network[],
    private readonly header: string,
  ) {
    this.#any = networks.length > 0;
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

  /** Whether the other end of a TCP connection is a trusted proxy, so that only requests tell where a peer is. */
  isProxy(remoteAddress: string | undefined): boolean {
    return this.#trusts(plainAddress(remoteAddress ?? '') ?? 'unknown');
  }

  #trusts(address: string): boolean {
    if (!this.#any) return false;
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** What each proxy wrote, the one nearest to us last. */
function hops(header: string, value: string | string[] | undefined): string[] {
  const written = [value ?? []].flat().join(',');
  if (header !== FORWARDED) {
    return written
      .split(',')
      .map((element) => element.trim())
      .filter((element) => element !== '');
  }
  // A quote that nobody closed could hide where an element ends.
  return (
    splitUnquoted(written, ',')
      ?.filter((element) => element.trim() !== '')
      .map(forOf) ?? ['']
  );
}

/** RFC 7239, section 4: of pairs by semicolons, the value of "for"; without one it is not known from where, nor with two. */
function forOf(element: string): string {
  const values = (splitUnquoted(element, ';') ?? []).map(valueOfFor).filter((value) => value !== undefined);
  return values.length === 1 ? values[0].replaceAll('"', '') : '';
}

/** The value of a pair that is named "for"; undefined for any other pair. */
function valueOfFor(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  return equals !== -1 && pair.slice(0, equals).trim().toLowerCase() === 'for'
    ? pair.slice(equals + 1).trim()
    : undefined;
}

/** The parts of a text between separators, except those in quoted strings (RFC 9110, section 5.6.4); undefined where a quote is not closed. Reads each character once. */
function splitUnquoted(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let quoted = false;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') at += 1;
    else if (!quoted && character === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return quoted ? undefined : [...parts, text.slice(from)];
}

/** An IPv6 address in brackets or an IPv4 address, with a port. */
const WITH_PORT = /^(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/;

/** The address that a proxy wrote, with or without a port; undefined for something else. */
function plain(written: string): string | undefined {
  const [, ipv6, ipv4] = WITH_PORT.exec(written) ?? [];
  return plainAddress(ipv6 ?? ipv4 ?? written);
}
