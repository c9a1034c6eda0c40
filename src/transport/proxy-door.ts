import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { Refusal } from '../connection/refusal.js';
import { beginsWithProxyHeader, readProxyHeader } from './proxy-header.js';
import { tellPeer } from './trusted-proxies.js';
import { answerRefusal } from './upgrade-answer.js';

/** Why a connection is refused for its PROXY header, or for having none. */
export type ProxyFault = 'unexpected' | 'absent' | 'malformed';

const ANSWERS = {
  unexpected: 'This server takes no PROXY header from this address.',
  absent: 'This server expects a PROXY header from this address; the setting is proxy-protocol.',
  malformed: 'This PROXY header is malformed.',
};

export interface ProxyDoorOptions {
  /** Whether a connection must begin with a PROXY header. */
  expects(tcp: Socket): boolean;
  /** How long, in milliseconds, a connection may take for its header. */
  readonly timeout: number;
  /** A header was read, and its address is the peer's from now on. */
  named(tcp: Socket): void;
  /** A connection is refused. */
  refused(fault: ProxyFault, tcp: Socket): void;
}

/** What Node says of a request that is not HTTP. */
interface ParserError extends Error {
  readonly rawPacket?: Buffer;
}

/**
 * Stands before an HTTP server, and reads the PROXY header of a connection before TLS or the HTTP parser sees a byte.
 * Owns the
 * connections whose header is not read yet. Knows nothing of limits.
 * Invariant: a connection is passed on at most once, and never with a byte of a PROXY header; one that is due a header
 * and does not send it is refused.
 */
export class ProxyDoor {
  /** How the server takes a connection. */
  readonly #takers: readonly ((tcp: Socket) => void)[];
  readonly #waiting = new Set<Socket>();
  readonly #tls: boolean;
  #closed = false;

  /**
   * Takes the place of the server's listeners for connections. What listens later hears of connections when they are
   * accepted.
   */
  constructor(
    private readonly server: Server,
    private readonly options: ProxyDoorOptions,
  ) {
    this.#tls = server instanceof TlsServer;
    this.#takers = server.listeners('connection') as ((tcp: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', this.#onConnection);
    server.on('clientError', this.#onClientError);
  }

  /** Ends the connections whose header is not read yet, and takes no more. */
  close(): void {
    this.#closed = true;
    for (const tcp of this.#waiting) tcp.destroy();
  }

  readonly #onConnection = (tcp: Socket): void => {
    if (this.#closed) {
      tcp.destroy();
      return;
    }
    const expected = this.options.expects(tcp);
    // The HTTP parser takes no PROXY header either, and shows what it refused. Over TLS only the failed handshake
    // shows.
    if (expected) this.#await(tcp);
    else this.#passOn(tcp);
  };

  readonly #onClientError = ({ rawPacket }: ParserError, tcp: Socket): void => {
    if (rawPacket !== undefined && beginsWithProxyHeader(rawPacket) === true) this.options.refused('unexpected', tcp);
  };

  #passOn(tcp: Socket): void {
    for (const take of this.#takers) take.call(this.server, tcp);
  }

  #await(tcp: Socket): void {
    let held = Buffer.alloc(0);
    const destroy = (): void => void tcp.destroy();
    const timer = setTimeout(destroy, this.options.timeout);
    const leave = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(tcp);
      tcp.off('readable', read).off('end', destroy).off('error', destroy).off('close', leave);
    };
    const read = (): void => {
      const chunk = tcp.read() as Buffer | null;
      if (chunk === null) return;
      held = Buffer.concat([held, chunk]);
      const rest = this.#readHeader(tcp, held);
      if (rest === undefined) return;
      leave();
      if (typeof rest === 'string') {
        this.#refuse(rest, tcp);
      } else {
        if (rest.length > 0) tcp.unshift(rest);
        this.#passOn(tcp);
      }
    };
    this.#waiting.add(tcp);
    tcp.on('readable', read).on('end', destroy).on('error', destroy).on('close', leave);
  }

  /** What follows the header of a connection; undefined while the header is not whole. */
  #readHeader(tcp: Socket, bytes: Buffer): Buffer | ProxyFault | undefined {
    const header = readProxyHeader(bytes);
    if (header === undefined || typeof header === 'string') return header;
    tellPeer(tcp, header.address);
    this.options.named(tcp);
    return bytes.subarray(header.length);
  }

  #refuse(fault: ProxyFault, tcp: Socket): void {
    this.options.refused(fault, tcp);
    if (this.#tls) tcp.destroy();
    else answerRefusal(tcp, new Refusal(400, 'proxy_header', ANSWERS[fault]));
  }
}
