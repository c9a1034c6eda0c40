import { connect, errors } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { Log } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { cut } from './nats-internals.js';

/** Milliseconds between two attempts to connect, before the first connection. After that the NATS client retries. */
const RETRY_MS = 1000;
/** Milliseconds between two lines about attempts that failed. */
const LOG_INTERVAL_MS = 60_000;

/** Hears about the link. */
export interface LinkListener {
  /** There is a new connection, the first one or after one ended for good. It has no subscriptions yet. */
  joined(connection: NatsConnection): void;
  /** The connection is back, with the subscriptions it had. */
  rejoined(): void;
  /** NATS does not let this node in. It is asked again. */
  refused(): void;
  /** NATS reported an error, and the connection goes on. */
  complained(error: Error): void;
  /** The connection is cut off. The NATS client keeps trying to get it back. */
  lost(): void;
}

/**
 * Owns this node's connection to NATS, and whether it is up. Knows nothing of what goes over it.
 * Invariant: it is retried until `close`, and failures go to the log and nowhere else.
 */
export class NatsLink {
  readonly #closing = new AbortController();
  #connection: NatsConnection | undefined;
  #up = false;
  /** Whether NATS refused this node when it was last asked. */
  #refused = false;
  readonly #attempts: ThrottledLog<'backplane'>;

  constructor(
    private readonly options: NodeConnectionOptions,
    private readonly listener: LinkListener,
    private readonly clock: Clock,
    private readonly log: Log<'backplane'>,
  ) {
    this.#attempts = new ThrottledLog(log, clock, LOG_INTERVAL_MS);
  }

  get up(): boolean {
    return this.#up;
  }

  /** The connection while it is up. */
  get connection(): NatsConnection | undefined {
    return this.#up ? this.#connection : undefined;
  }

  /** Tries to connect once. If that fails, keeps trying in the background. */
  async open(): Promise<void> {
    try {
      this.#join(await connect(this.options));
    } catch (error) {
      this.#attempts.write('bus_unreached', { error: reasonOf(error) });
      this.#failed(error);
      void this.#keepTrying();
    }
  }

  /** Gives up the connection, which is of no use. The NATS client tries to get it back, with another server first. */
  cut(): void {
    if (!this.#up) return;
    this.log.write('bus_unanswered');
    cut(this.#connection!);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#up = false;
    await this.#connection?.close().catch(() => undefined);
  }

  async #keepTrying(): Promise<void> {
    while (!this.#closing.signal.aborted && !this.#up) {
      await this.clock.sleep(RETRY_MS, this.#closing.signal);
      if (!this.#closing.signal.aborted) await connect(this.options).then(this.#join, this.#failed);
    }
  }

  /** The same refusal, once a second for hours, is one refusal. */
  readonly #failed = (error: unknown): void => {
    const refused = error instanceof errors.AuthorizationError;
    if (refused && !this.#refused) this.listener.refused();
    if (!refused) this.#attempts.write('bus_unreached', { error: reasonOf(error) });
    this.#refused = refused;
  };

  readonly #join = (connection: NatsConnection): void => {
    if (this.#closing.signal.aborted) {
      void connection.close().catch(() => undefined);
      return;
    }
    this.#connection = connection;
    this.#up = true;
    this.#refused = false;
    this.log.write('bus_joined', { server: connection.getServer() });
    this.listener.joined(connection);
    void this.#watch(connection);
  };

  /** Follows the connection until it ends for good. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      const { type } = status;
      if (type === 'error') {
        if (this.#up) this.listener.complained(status.error);
        else this.#failed(status.error);
      } else if (type === 'ldm') {
        this.log.write('bus_stopping', { server: status.server });
      } else if (type === 'disconnect' && this.#up) {
        this.#up = false;
        this.log.write('bus_lost');
        this.listener.lost();
      } else if (type === 'reconnect' && !this.#up) {
        // The client says so once for each refusal before.

        this.#up = true;
        this.#refused = false;
        this.log.write('bus_rejoined', { server: connection.getServer() });
        this.listener.rejoined();
      }
    }
    if (this.#closing.signal.aborted) return;
    if (this.#up) this.listener.lost();
    this.#up = false;
    const error = reasonOf(await connection.closed());
    this.log.write('bus_closed', { error });
    void this.#keepTrying();
  }
}

/** Returns the text of an error of the NATS client. These name servers and causes, never subjects or credentials. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
