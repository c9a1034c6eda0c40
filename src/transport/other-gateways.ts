import type { Server } from 'node:http';

/** What adapters return from `create`, as far as it tells its path: `ws` as Nest's adapter marks it, or socket.io. */
interface PathOfServer {
  readonly path?: unknown;
}

/** A path of another gateway. */
interface OtherPath {
  readonly path: string;
  /** Whether what lies below it belongs to it as well, as with socket.io. */
  readonly below: boolean;
}

/**
 * The gateways of the application that another adapter serves on the same HTTP server. Owns their paths, and knows
 * which listeners for upgrades that adapter added. Knows nothing of what they do.
 */
export class OtherGateways {
  readonly #paths: OtherPath[] = [];
  readonly #listeners = new Set<unknown>();

  /**
   * Calls `create`, which makes a server for one of them and may listen for upgrades. `path` is the one that the
   * gateway asks for.
   */
  add<T>(server: Server, path: string | undefined, create: () => T): T {
    const before = new Set<unknown>(server.rawListeners('upgrade'));
    const made = create();
    for (const listener of server.rawListeners('upgrade')) if (!before.has(listener)) this.#listeners.add(listener);
    this.#paths.push(pathOf(made as PathOfServer, path));
    return made;
  }

  /** Whether one of them has this path. */
  takes(pathname: string): boolean {
    return this.#paths.some(({ path, below }) => pathname === path || (below && pathname.startsWith(`${path}/`)));
  }

  /** Whether their adapter added this listener. */
  has(listener: unknown): boolean {
    return this.#listeners.has(listener);
  }
}

function pathOf(server: PathOfServer, asked = '/'): OtherPath {
  const { path } = server;
  if (typeof path === 'function') return { path: String(path.call(server)), below: true };
  return { path: typeof path === 'string' ? path : asked, below: false };
}
