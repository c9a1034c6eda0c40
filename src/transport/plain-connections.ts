/** Where a connection or a request comes from. */
export interface Origin {
  readonly address: string;
  /** See sourceOf. */
  readonly network: string;
}

/** What a plain connection was closed for: a newcomer of its own network, or one that the node would have had no room for. */
export type MadeWayFor = 'network' | 'node';

/** How many plain connections there may be at this moment; Infinity for no limit. */
export interface PlainBounds {
  most(): number;
  /** Of a network that has `plain` of them. */
  mostOf(origin: Origin, plain: number): number;
  /** Whether one may be closed that is still being answered, where no other one is left. */
  readonly answersMayEnd: boolean;
  /** One was closed, which came from `origin` as far as that is known. */
  madeWay(reason: MadeWayFor, origin: Origin | undefined): void;
}

/** A TCP connection that is no peer's. Its fields are those of PlainConnections. */
export interface PlainConnection {
  /** Who opened it; undefined for a proxy, which opens it for anybody. */
  readonly opener: Origin | undefined;
  readonly cut: () => void;
  /** Requests that are not answered yet. */
  asked: number;
  /** Undefined while it is not counted here. */
  crowd: Crowd | undefined;
}

/** The plain connections of one network, or one that a proxy opened and asks nothing on. Each kind has those first that came first. */
interface Crowd {
  readonly origin: Origin | undefined;
  size: number;
  /** Answered, and kept for a next request. */
  readonly idle: Set<PlainConnection>;
  /** In the TLS handshake, or without a whole request so far. */
  readonly asking: Set<PlainConnection>;
  readonly answering: Set<PlainConnection>;
}

/**
 * The TCP connections that are no peer's: those that may become one, and those of plain HTTP. Owns who of them makes way when a
 * newcomer finds no room: within a network that has its share, one of its own; on a full node an idle one, whoever's it is, and then one of the
 * network that has most. Of one network it is the one that has been idle longest, else the oldest without a whole request, else the one that has been
 * answered longest. Knows nothing of sockets.
 * Invariant: after a newcomer entered there are no more than the bounds allow, unless it is alone; it is never the one that makes way.
 */
export class PlainConnections {
  /** All that are idle, the one that has been so longest first. */
  readonly #idle = new Set<PlainConnection>();
  readonly #crowds = new Map<string, Crowd>();
  /** Crowds of one connection, of two, and so on. */
  readonly #bySize: Set<Crowd>[] = [];
  /** Connections of the largest crowd. */
  #most = 0;
  #size = 0;

  constructor(private readonly bounds: PlainBounds) {}

  get size(): number {
    return this.#size;
  }

  /** A newcomer was accepted; `cut` closes it at once. Others make way for it, if need be. */
  enter(opener: Origin | undefined, cut: () => void): PlainConnection {
    const newcomer: PlainConnection = { opener, cut, asked: 0, crowd: undefined };
    this.#makeWayOnNode();
    this.#makeWayInNetwork(opener);
    this.#join(newcomer, opener, 'asking');
    return newcomer;
  }

  /** A whole request came; behind a proxy only now it is known from where. */
  asks(connection: PlainConnection, origin: Origin): void {
    connection.asked += 1;
    if (connection.asked > 1 || connection.crowd === undefined) return;
    if (connection.opener === undefined) {
      this.leave(connection);
      this.#makeWayInNetwork(origin);
    }
    this.#join(connection, origin, 'answering');
  }

  /** One of its requests was answered. */
  answered(connection: PlainConnection): void {
    connection.asked -= 1;
    if (connection.asked === 0 && connection.crowd !== undefined) this.rest(connection);
  }

  /** Nothing that it asked for is open, be it that it may not become a peer. */
  rest(connection: PlainConnection): void {
    this.#join(connection, connection.opener, 'idle');
  }

  /** It ended, or is a peer's from now on. */
  leave(connection: PlainConnection): void {
    const { crowd } = connection;
    if (crowd === undefined) return;
    this.#forget(connection, crowd);
    connection.crowd = undefined;
    this.#resize(crowd, -1);
    if (crowd.size === 0 && crowd.origin !== undefined) this.#crowds.delete(crowd.origin.network);
  }

  /** Puts it behind all others of its kind. */
  #join(connection: PlainConnection, origin: Origin | undefined, kind: 'idle' | 'asking' | 'answering'): void {
    const stays = connection.crowd !== undefined && connection.crowd.origin?.network === origin?.network;
    if (!stays) this.leave(connection);
    const crowd = stays ? connection.crowd! : this.#crowdOf(origin);
    this.#forget(connection, crowd);
    crowd[kind].add(connection);
    if (kind === 'idle') this.#idle.add(connection);
    if (stays) return;
    connection.crowd = crowd;
    this.#resize(crowd, 1);
  }

  #forget(connection: PlainConnection, crowd: Crowd): void {
    for (const kind of [crowd.idle, crowd.asking, crowd.answering, this.#idle]) kind.delete(connection);
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
    if (crowd.size > this.#most) this.#most = crowd.size;
    while (this.#most > 0 && this.#bySize[this.#most - 1].size === 0) this.#most -= 1;
  }

  #makeWayOnNode(): void {
    while (this.#size > 0 && this.#size >= this.bounds.most()) {
      const one = first(this.#idle) ?? this.#firstOf(first(this.#bySize[this.#most - 1])!);
      if (one === undefined) return;
      this.#close(one, 'node');
    }
  }

  #makeWayInNetwork(origin: Origin | undefined): void {
    const crowd = origin && this.#crowds.get(origin.network);
    if (crowd === undefined) return;
    while (crowd.size > 0 && crowd.size >= this.bounds.mostOf(origin!, crowd.size)) {
      const one = this.#firstOf(crowd);
      if (one === undefined) return;
      this.#close(one, 'network');
    }
  }

  #firstOf({ idle, asking, answering }: Crowd): PlainConnection | undefined {
    return first(idle) ?? first(asking) ?? (this.bounds.answersMayEnd ? first(answering) : undefined);
  }

  #close(connection: PlainConnection, reason: MadeWayFor): void {
    const { origin } = connection.crowd!;
    this.leave(connection);
    connection.cut();
    this.bounds.madeWay(reason, origin);
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}
