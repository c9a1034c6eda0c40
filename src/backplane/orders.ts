import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import type { Obey } from './backplane.js';
import { Ration } from './ration.js';

/** Milliseconds to wait for all answers to an order, and for the next one after one arrived. */
const MOST_MS = 2000;
const NEXT_MS = 500;
const WAIT = { strategy: 'stall', stall: NEXT_MS, maxWait: MOST_MS } as const;
/** Bytes of an order, and of an answer to one. */
export const MOST_ORDER_BYTES = 8192;
const MOST_ANSWER_BYTES = 256;
/** Maximum number of answers to one order: more than any service has nodes. */
const MOST_ANSWERS = 1024;
/** Orders of other nodes that are looked at in a second. */
export const MOST_OBEYED_A_SECOND = 100;

/**
 * Carries what operators order to all other nodes, and their answers back. Owns the subscription to it, and the bounds.
 * Knows nothing of what is ordered. Nodes of versions that know no orders do not subscribe, and so do not answer.
 * Invariant: an order ends within about MOST_MS, whatever other nodes do.
 */
export class Orders {
  obey: Obey = () => undefined;
  readonly #obeyed: Ration;

  constructor(
    private readonly subject: string,
    private readonly clock: Clock,
    private readonly counts: BackplaneCounts,
    private readonly failed: (error: Error) => void,
  ) {
    this.#obeyed = new Ration(MOST_OBEYED_A_SECOND, clock);
  }

  /** There is a new connection, which has no subscription yet. */
  joined(connection: NatsConnection): void {
    connection.subscribe(this.subject, {
      callback: (error, order) => (error === null ? this.#take(order) : this.failed(error)),
    });
  }

  /** Gives an order to all other nodes. Never rejects. */
  async give(connection: NatsConnection, order: Uint8Array): Promise<readonly Uint8Array[]> {
    const answers: Uint8Array[] = [];
    const until = this.clock.monotonic() + MOST_MS;
    try {
      for await (const { data } of await connection.requestMany(this.subject, order, WAIT)) {
        if (data.length <= MOST_ANSWER_BYTES) answers.push(Buffer.from(data));
        else this.counts.dropped.malformed += 1;
        if (answers.length === MOST_ANSWERS || this.clock.monotonic() > until) break;
      }
    } catch {
      // No other node takes orders, or the connection is lost.
    }
    return answers;
  }

  #take(order: Msg): void {
    const answer = order.data.length > MOST_ORDER_BYTES || !this.#obeyed.take(1) ? undefined : this.obey(order.data);
    if (answer === undefined) this.counts.dropped.malformed += 1;
    else order.respond(answer);
  }
}
