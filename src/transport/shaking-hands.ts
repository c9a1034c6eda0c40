import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/**
 * The TCP connections under the TLS handshakes of a server, by their ends: Node does not say which one a TLS socket is
 * of. Knows nothing of what either is for.
 * Invariant: a connection that is closed, or whose handshake is over, is not kept.
 */
export class ShakingHands {
  static readonly #ofServers = new WeakMap<Server, ShakingHands>();
  readonly #connections = new Map<string, Handshake>();

  private constructor(server: Server) {
    server.prependListener('connection', this.#begin);
    server.prependListener('secureConnection', this.#end);
  }

  /** Those of a server, from now on. A server has one of these, whoever asks; undefined for a server without TLS. */
  static of(server: Server): ShakingHands | undefined {
    if (!(server instanceof TlsServer)) return undefined;
    const known = this.#ofServers.get(server) ?? new ShakingHands(server);
    this.#ofServers.set(server, known);
    return known;
  }

  /**
   * What is under a TLS socket until its handshake is over. A listener for that, prepended after this was made, still
   * finds it.
   */
  under(socket: Socket): Socket | undefined {
    return this.#connections.get(endsOf(socket))?.tcp;
  }

  readonly #begin = (tcp: Socket): void => {
    const ends = endsOf(tcp);
    const forget = (): void => {
      if (this.#connections.get(ends)?.tcp === tcp) this.#connections.delete(ends);
    };
    this.#connections.set(ends, { tcp, forget });
    tcp.once('close', forget);
  };

  readonly #end = (socket: Socket): void => {
    const handshake = this.#connections.get(endsOf(socket));
    if (handshake === undefined) return;
    handshake.forget();
    handshake.tcp.off('close', handshake.forget);
  };
}

interface Handshake {
  readonly tcp: Socket;
  readonly forget: () => void;
}

/** Returns what is different for any two open connections of a server. */
function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
