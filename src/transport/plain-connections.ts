import { first } from './spared-places.js';

/** Where a connection or a request comes from. */
export interface Origin {
  readonly address: string;
  /** See sourceOf. */
  readonly network: string;
}

/**
 * Why a plain connection was closed: for a newcomer of its own network, or because the node had no room for a newcomer.
 */
export type EvictionCause = 'network' | 'node';

/** How many plain connections there may be now; Infinity for no limit. */
export interface PlainBounds {
  max(): number;
  /** Maximum for a network that has `plain` of them. */
  maxOf(origin: Origin, plain: number): number;
  /** Whether a connection that is still being answered may be closed, if there is no other one to close. */
  readonly mayCutAnswers: boolean;
  /** Called when one was closed. `origin` is where it came from, if that is known. */
  evicted(cause: EvictionCause, origin: Origin | undefined): void;
}

/** A TCP connection that does not belong to a peer. Only PlainConnections uses its fields. */
export interface PlainConnection {
  /** Where it was opened; undefined for a proxy, which opens connections for many clients. */
  opener: Origin | undefined;
  readonly cut: () => void;
  /** Number of requests that are not answered yet. */
  asked: number;
  /** Undefined while it is not counted here. */
  crowd: Crowd | undefined;
  /** The set of its crowd that it is in. */
  kind: Kind;
}

type Kind = 'idle' | 'asking' | 'answering';

/**
 * The plain connections of one network, or a single one that a proxy opened and that has no open request. Each set is
 * in the order of arrival.
 */
interface Crowd {
  readonly origin: Origin | undefined;
  size: number;
  /** Answered, and kept open for the next request. */
  readonly idle: Set<PlainConnection>;
  /** In the TLS handshake, or without a complete request so far. */
  readonly asking: Set<PlainConnection>;
  readonly answering: Set<PlainConnection>;
}

/**
 * Owns the TCP connections that do not belong to a peer: those that may become one, and those of plain HTTP. Decides
 * which of them is closed when a newcomer finds no room. In a network that has its full share, it is one of its own. On
 * a full node, it is an idle one of any network; without one, a connection of the network that has the most. Within a
 * network, it is the one that has been idle longest; without one, the oldest without a complete request; without that,
 * the one that has been answered longest. Knows nothing of sockets.
 * Invariant: after a newcomer entered there are no more than the bounds allow, unless it is alone. The newcomer is
 * never the one that is closed.
 */
export class PlainConnections {
  /** All idle connections, in the order in which they became idle. */
  readonly #idle = new Set<PlainConnection>();
  readonly #crowds = new Map<string, Crowd>();
  /** Crowds of one connection, of two, and so on. */
  readonly #bySize: Set<Crowd>[] = [];
  /** Number of connections in the largest crowd. */
  #largest = 0;
  #size = 0;

  constructor(private readonly bounds: PlainBounds) {}

  get size(): number {
    return this.#size;
  }

  /**
   * Adds a connection that was just accepted. `cut` closes it immediately. Closes others if there is no room for it.
   */
  enter(opener: Origin | undefined, cut: () => void): PlainConnection {
    const newcomer: PlainConnection = { opener, cut, asked: 0, crowd: undefined, kind: 'asking' };
    this.#makeRoomOnNode();
    this.#makeRoomInNetwork(opener);
    this.#join(newcomer, opener, 'asking');
    return newcomer;
  }

  /** Notes for whom a proxy opened it. Others make way for it if there are too many. */
  named(connection: PlainConnection, opener: Origin | undefined): void {
    if (connection.crowd === undefined || opener === undefined) return;
    this.leave(connection);
    this.#makeRoomInNetwork(opener);
    connection.opener = opener;
    this.#join(connection, opener, 'asking');
  }

  /** Notes that a complete request came. Behind a proxy, only the request tells where it comes from. */
  asks(connection: PlainConnection, origin: Origin): void {
    connection.asked += 1;
    if (connection.asked > 1 || connection.crowd === undefined) return;
    if (connection.opener === undefined) {
      this.leave(connection);
      this.#makeRoomInNetwork(origin);
    }
    this.#join(connection, origin, 'answering');
  }

  /** Notes that one of its requests was answered. */
  answered(connection: PlainConnection): void {
    connection.asked -= 1;
    if (connection.asked === 0 && connection.crowd !== undefined) this.rest(connection);
  }

  /** Marks it as idle: no request of it is open. It may also be a refused peer. */
  rest(connection: PlainConnection): void {
    this.#join(connection, connection.opener, 'idle');
  }

  /** Removes it: it ended, or belongs to a peer from now on. */
  leave(connection: PlainConnection): void {
    const { crowd } = connection;
    if (crowd === undefined) return;
    this.#forget(connection, crowd);
    connection.crowd = undefined;
    this.#resize(crowd, -1);
    if (crowd.size === 0 && crowd.origin !== undefined) this.#crowds.delete(crowd.origin.network);
  }

  /** Moves it to the end of a set of its crowd. */
  #join(connection: PlainConnection, origin: Origin | undefined, kind: Kind): void {
    const stays = connection.crowd !== undefined && connection.crowd.origin?.network === origin?.network;
    if (!stays) this.leave(connection);
    const crowd = stays ? connection.crowd! : this.#crowdOf(origin);
    if (stays) this.#forget(connection, crowd);
    connection.kind = kind;
    crowd[kind].add(connection);
    if (kind === 'idle') this.#idle.add(connection);
    if (stays) return;
    connection.crowd = crowd;
    this.#resize(crowd, 1);
  }

  #forget(connection: PlainConnection, crowd: Crowd): void {
    crowd[connection.kind].delete(connection);
    if (connection.kind === 'idle') this.#idle.delete(connection);
  }

  #crowdOf(origin: Origin | undefined): Crowd {
    const known = origin && this.#crowds.get(origin.network);
    if (known !== undefined) return known;
    const crowd = { origin, size: 0, idle: new Set<never>(), asking: new Set<never>(), answering: new Set<never>() };
    if (origin !== undefined) this.#crowds.set(origin.network, crowd);
    return crowd;
  }

  #resize(crowd: Crowd, by: 1 | -1): void {
    this.#bySize[crowd.size - 1]?.delete(crowd);
    crowd.size += by;
    this.#size += by;
    if (crowd.size > 0) (this.#bySize[crowd.size - 1] ??= new Set()).add(crowd);
    if (crowd.size > this.#largest) this.#largest = crowd.size;
    while (this.#largest > 0 && this.#bySize[this.#largest - 1].size === 0) this.#largest -= 1;
  }

  #makeRoomOnNode(): void {
    while (this.#size > 0 && this.#size >= this.bounds.max()) {
      const one = first(this.#idle) ?? this.#firstOf(first(this.#bySize[this.#largest - 1])!);
      if (one === undefined) return;
      this.#close(one, 'node');
    }
  }

  #makeRoomInNetwork(origin: Origin | undefined): void {
    const crowd = origin && this.#crowds.get(origin.network);
    if (crowd === undefined) return;
    while (crowd.size > 0 && crowd.size >= this.bounds.maxOf(origin!, crowd.size)) {
      const one = this.#firstOf(crowd);
      if (one === undefined) return;
      this.#close(one, 'network');
    }
  }

  #firstOf({ idle, asking, answering }: Crowd): PlainConnection | undefined {
    return first(idle) ?? first(asking) ?? (this.bounds.mayCutAnswers ? first(answering) : undefined);
  }

  #close(connection: PlainConnection, cause: EvictionCause): void {
    const { origin } = connection.crowd!;
    this.leave(connection);
    connection.cut();
    this.bounds.evicted(cause, origin);
  }
}
