import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock/clock.js';
import type { OtherGateways } from './other-gateways.js';
import { pathnameOf } from './served-path.js';
import type { ServedPath } from './served-path.js';

/** How long, in milliseconds, a listener may leave an upgrade alone before it counts as nobody's. */
const LEFT_ALONE_MS = 10_000;

type EmitAny = (event: string, ...args: unknown[]) => boolean;

export type TakeUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** What becomes of an upgrade. */
export interface UpgradeRoutes {
  /** It is for this server. */
  readonly ours: TakeUpgrade;
  /** It is for somebody else in the application, who gets it next: nothing may happen to its socket any more. */
  readonly elsewhere: (socket: Socket) => void;
  /** Nobody takes it. */
  readonly nobody: TakeUpgrade;
}

/**
 * Gives each upgrade of an HTTP server to one side. Node calls every listener for every upgrade, and the usual ones end
 * those that are not theirs, so two of them cannot share a server. Owns the server's `emit` for that one event. Knows
 * nothing of handshakes.
 *
 * In this order an upgrade goes to the gateways of another adapter, if one has its path; to this server, if it takes
 * the path; to the listeners that nobody told us of, whenever they were added; and otherwise to nobody.
 * Invariant: an upgrade has one side, and gets an answer.
 */
export class UpgradeRouting {
  readonly #emit: EmitAny;
  readonly #had: PropertyDescriptor | undefined;
  #open = true;

  constructor(
    private readonly server: Server,
    private readonly path: ServedPath,
    private readonly others: OtherGateways,
    private readonly clock: Clock,
    private readonly routes: UpgradeRoutes,
  ) {
    this.#had = Object.getOwnPropertyDescriptor(server, 'emit');
    this.#emit = server.emit.bind(server) as EmitAny;
    server.emit = this.#emitRouted as Server['emit'];
    // Node asks whether anybody listens at all.
    server.on('upgrade', listens);
  }

  /** Whether there are listeners that get no upgrade. */
  get ignores(): boolean {
    return this.path.path === undefined && this.#strangers().length > 0;
  }

  /** Leaves all upgrades to the listeners there are. */
  close(): void {
    this.#open = false;
    this.server.off('upgrade', listens);
    // Somebody else may have taken its place meanwhile, and calls it.
    if (this.server.emit !== (this.#emitRouted as Server['emit'])) return;
    if (this.#had === undefined) Reflect.deleteProperty(this.server, 'emit');
    else Object.defineProperty(this.server, 'emit', this.#had);
  }

  readonly #emitRouted: EmitAny = (event, ...args) => {
    if (event !== 'upgrade' || !this.#open) return this.#emit(event, ...args);
    this.#route(...(args as Parameters<TakeUpgrade>));
    return true;
  };

  #route(...upgrade: Parameters<TakeUpgrade>): void {
    const [request, socket] = upgrade;
    const pathname = pathnameOf(request.url);
    if (this.others.takes(pathname)) {
      this.routes.elsewhere(socket);
      this.#call(
        this.server.rawListeners('upgrade').filter((listener) => this.others.has(listener)),
        upgrade,
      );
    } else if (this.path.takes(pathname)) {
      this.routes.ours(...upgrade);
    } else {
      const strangers = this.#strangers();
      if (strangers.length === 0) return this.routes.nobody(...upgrade);
      this.routes.elsewhere(socket);
      const { bytesWritten } = socket;
      this.#call(strangers, upgrade);
      if (socket.bytesWritten === bytesWritten && !socket.destroyed) void this.#await(bytesWritten, upgrade);
    }
  }

  #call(listeners: readonly unknown[], upgrade: Parameters<TakeUpgrade>): void {
    for (const listener of listeners) Reflect.apply(listener as TakeUpgrade, this.server, upgrade);
  }

  #strangers(): unknown[] {
    return this.server.rawListeners('upgrade').filter((listener) => listener !== listens && !this.others.has(listener));
  }

  /** Waits for somebody to answer an upgrade that was left alone so far. */
  async #await(bytesWritten: number, upgrade: Parameters<TakeUpgrade>): Promise<void> {
    const [, socket] = upgrade;
    const over = new AbortController();
    const end = (): void => over.abort();
    // Nobody may listen for errors yet, and a reset must not end the process.
    const onError = (): void => void socket.destroy();
    socket.once('close', end);
    socket.on('error', onError);
    await this.clock.sleep(LEFT_ALONE_MS, over.signal);
    socket.off('close', end);
    if (socket.bytesWritten === bytesWritten && socket.writable) this.routes.nobody(...upgrade);
    else socket.off('error', onError);
  }
}

/** Hears of nothing: UpgradeRouting calls the right listeners itself. */
function listens(): void {
  // See UpgradeRouting.
}
