import { connect } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { Log } from '../logging/log.js';

/** From one attempt to connect to the next, as long as there was no connection yet. */
const RETRY_MS = 1000;

/** What a link tells. */
export interface LinkListener {
  /** There is a connection, for the first time or after one ended for good: it knows nothing yet. */
  joined(connection: NatsConnection): void;
  /** The connection is there again, with the subscriptions it had. */
  rejoined(): void;
  /** It is cut off; NATS's library goes on trying. */
  lost(): void;
}

/**
 * This node's connection to NATS, from the first attempt to the last. Owns whether it is up. Knows nothing of what goes over it.
 * Invariant: it is tried again until `close`, and no failure reaches anyone but the log.
 */
export class NatsLink {
  readonly #closing = new AbortController();
  #connection: NatsConnection | undefined;
  #up = false;

  constructor(
    private readonly options: NodeConnectionOptions,
    private readonly listener: LinkListener,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  get up(): boolean {
    return this.#up;
  }

  /** The connection while it is up. */
  get connection(): NatsConnection | undefined {
    return this.#up ? this.#connection : undefined;
  }

  /** Tries once, and if that fails goes on trying behind the caller's back. Resolves to what went wrong. */
  async open(): Promise<Error | undefined> {
    try {
      this.#join(await connect(this.options));
      return undefined;
    } catch (error) {
      this.log.warn("the bus is not reached, serving this node's own peers", { error: reasonOf(error) });
      void this.#keepTrying();
      return error as Error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#up = false;
    await this.#connection?.close().catch(() => undefined);
  }

  async #keepTrying(): Promise<void> {
    while (!this.#closing.signal.aborted && !this.#up) {
      await this.clock.sleep(RETRY_MS, this.#closing.signal);
      if (!this.#closing.signal.aborted) await connect(this.options).then(this.#join, () => undefined);
    }
  }

  readonly #join = (connection: NatsConnection): void => {
    if (this.#closing.signal.aborted) {
      void connection.close().catch(() => undefined);
      return;
    }
    this.#connection = connection;
    this.#up = true;
    this.log.info('joined the bus', { server: connection.getServer() });
    this.listener.joined(connection);
    void this.#watch(connection);
  };

  /** Follows the connection until it ends for good. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect' && this.#up) {
        this.#up = false;
        this.log.warn("the bus is gone, serving this node's own peers");
        this.listener.lost();
      } else if (type === 'reconnect') {
        this.#up = true;
        this.log.info('joined the bus again', { server: connection.getServer() });
        this.listener.rejoined();
      }
    }
    if (this.#closing.signal.aborted) return;
    if (this.#up) this.listener.lost();
    this.#up = false;
    this.log.warn('the bus closed the connection for good, connecting anew', {
      error: reasonOf(await connection.closed()),
    });
    void this.#keepTrying();
  }
}

/** What an error of NATS's library says; those name servers and causes, no subjects and no credentials. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
