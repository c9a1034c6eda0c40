import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Unread } from '../auth/unnamed-proxies.js';
import { UNIX_SOCKET } from '../config/values.js';
import type { Network } from '../config/values.js';
import { plainAddress } from '../connection/source.js';

/** The header that RFC 7239 defines. Every other header is parsed as a comma-separated list of addresses. */
const FORWARDED = 'forwarded';

/** Headers in which proxies commonly say for whom a request comes. */
const FORWARDING = ['x-forwarded-for', FORWARDED, 'x-real-ip', 'cf-connecting-ip', 'true-client-ip'];
/** The other end of a Unix socket, or of a connection that is gone already. */
const UNKNOWN = 'unknown';

/** Where a socket keeps what the PROXY header before it said. */
const TOLD = Symbol('told');
type Teller = Duplex & {
  [TOLD]?: { readonly address: string | undefined } | undefined;
  remoteAddress?: string | undefined;
};

/** A PROXY header of a trusted proxy named the peer of this connection, or did not say who that is. */
export function tellPeer(socket: Teller, address: string | undefined): void {
  socket[TOLD] = { address };
}

/** Over TLS two sockets are one connection: what was told of the first one holds for the other. */
export function carryOver(tcp: Teller, tls: Teller): void {
  if (tcp[TOLD] !== undefined) tls[TOLD] = tcp[TOLD];
}

/** Who is at the other end of a connection: as a PROXY header says, or as the system does. */
export function peerOf(socket: Teller): string {
  return socket[TOLD]?.address ?? plainAddress(socket.remoteAddress ?? '') ?? UNKNOWN;
}

/**
 * Finds the address of a peer behind proxies. Believes one header, and only as far as trusted proxies wrote it, and a
 * PROXY header, which ProxyDoor read from one of them. Owns the list of trusted networks. Knows nothing of limits.
 * Invariant: what a peer itself writes into a header never becomes its address.
 */
export class TrustedProxies {
  readonly #trusted = new BlockList();
  /** Every header that may say for whom a request comes. */
  readonly #forwarding: readonly string[];
  readonly #any: boolean;
  readonly #unix: boolean;

  /** `header` is in lower case. */
  constructor(
    networks: readonly (Network | typeof UNIX_SOCKET)[],
    private readonly header: string,
  ) {
    this.#forwarding = [header, ...FORWARDING];
    this.#any = networks.length > 0;
    this.#unix = networks.includes(UNIX_SOCKET);
    for (const network of networks) {
      if (network !== UNIX_SOCKET) this.#trusted.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /**
   * Returns the rightmost hop that is not trusted. If a proxy wrote something other than an address, returns the last
   * address before it.
   */
  addressOf({ socket, headers }: IncomingMessage): string {
    let address = peerOf(socket);
    // A proxy that passes bytes on and cannot say for whom passes on the peer's own header, too.
    if (isUntold(socket) || !this.trusts(address)) return address;
    const header = Object.hasOwn(headers, this.header) ? headers[this.header] : undefined;
    for (const written of hops(this.header, header).toReversed()) {
      const hop = addressIn(written);
      if (hop === undefined) return address;
      address = hop;
      if (!this.trusts(hop)) return address;
    }
    return address;
  }

  /** Returns what a header says of the way of a request and was not believed; undefined if it says nothing. */
  unread(request: IncomingMessage): Unread | undefined {
    const { socket, headers } = request;
    if (!this.#forwarding.some((name) => Object.hasOwn(headers, name))) return undefined;
    if (!this.isProxy(socket)) return 'not-trusted';
    const first = hops(this.header, Object.hasOwn(headers, this.header) ? headers[this.header] : undefined).at(0);
    if (first === undefined) return 'other-header';
    return addressIn(first) === this.addressOf(request) ? undefined : 'further-proxy';
  }

  /**
   * Returns whether the other end of a TCP connection is a trusted proxy, so that only requests or a PROXY header
   * tell where a peer is.
   */
  isProxy(socket: Duplex): boolean {
    return this.trusts(peerOf(socket));
  }

  /** Whether a proxy at this address is trusted. */
  trusts(address: string): boolean {
    if (!this.#any) return false;
    // What comes by a Unix socket has no address.
    if (address === UNKNOWN) return this.#unix;
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** Whether a PROXY header did not name the peer. */
function isUntold(socket: Teller): boolean {
  return socket[TOLD] !== undefined && socket[TOLD].address === undefined;
}

/** Returns what each proxy wrote, the nearest proxy last. */
function hops(header: string, value: string | string[] | undefined): string[] {
  const written = [value ?? []].flat().join(',');
  if (header !== FORWARDED) {
    return written
      .split(',')
      .map((element) => element.trim())
      .filter((element) => element !== '');
  }
  // An unclosed quote could hide where an element ends.
  return (
    splitUnquoted(written, ',')
      ?.filter((element) => element.trim() !== '')
      .map(forOf) ?? ['']
  );
}

/**
 * Returns the value of "for" among semicolon-separated pairs (RFC 7239, section 4); empty, which means unknown, if
 * there is none or more than one.
 */
function forOf(element: string): string {
  const values = (splitUnquoted(element, ';') ?? []).map(valueOfFor).filter((value) => value !== undefined);
  return values.length === 1 ? values[0].replaceAll('"', '') : '';
}

/** Returns the value of a pair named "for"; undefined for any other pair. */
function valueOfFor(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  return equals !== -1 && pair.slice(0, equals).trim().toLowerCase() === 'for'
    ? pair.slice(equals + 1).trim()
    : undefined;
}

/**
 * Splits a text at separators outside quoted strings (RFC 9110, section 5.6.4). Returns undefined if a quote is not
 * closed. Reads each character once.
 */
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

/** An IPv6 address in brackets or an IPv4 address, with or without a port. */
const WITH_PORT = /^(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/;

/** Returns the address that a proxy wrote, with or without a port; undefined for anything else. */
function addressIn(written: string): string | undefined {
  const [, ipv6, ipv4] = WITH_PORT.exec(written) ?? [];
  return plainAddress(ipv6 ?? ipv4 ?? written);
}
