import { monitorEventLoopDelay } from 'node:perf_hooks';
import { heapBytes, residentBytes } from '../metrics/process-memory.js';
import type { Sources } from '../exposition/sources.js';

/** Milliseconds between two looks at the event loop. Each look costs a timer. */
export const RESOLUTION_MS = 10;

/** Figures of this node: some of the moment, some of the time since the previous sample. */
export interface Sample {
  /** Seconds since sampling began, at the start of the server. */
  readonly at: number;
  readonly connections: number;
  readonly topics: number;
  readonly lonelyTopics: number;
  readonly subscriptions: number;
  readonly records: number;
  /** Messages that peers sent, per second. */
  readonly messages: number;
  /** Relays written to subscribers, per second. */
  readonly deliveries: number;
  /** Bytes of messages that peers sent, per second. */
  readonly bytesIn: number;
  /** Bytes of frames written to peers, per second. */
  readonly bytesOut: number;
  /** Refused upgrades per second. */
  readonly refused: number;
  /** Delay of the event loop in milliseconds, 99th percentile. */
  readonly delay: number;
  /** Processors in use: 1 means one processor all the time. */
  readonly processors: number;
  /** Bytes of the JavaScript heap in use. */
  readonly heap: number;
  /** Bytes of memory of the whole process; 0 where the system does not say. */
  readonly resident: number;
}

/** Totals since the start, from which rates are made. */
type Totals = Record<'messages' | 'deliveries' | 'bytesIn' | 'bytesOut' | 'refused' | 'processors', number>;

/**
 * Takes samples of the figures of this node. Owns the totals of the last sample, and a watch on the event loop from
 * `start` to `stop`. Does not know when to sample.
 * Invariant: a rate is over the time from the previous sample to this one.
 */
export class Sampler {
  readonly #eventLoop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #began = 0;
  #last = 0;
  #totals: Totals;

  constructor(private readonly sources: Sources) {
    this.#totals = totalsOf(sources);
  }

  /** Starts to measure. `now` is in milliseconds on the monotonic clock, here and below. */
  start(now: number): void {
    this.#began = now;
    this.#last = now;
    this.#totals = totalsOf(this.sources);
    this.#eventLoop.enable();
  }

  stop(): void {
    this.#eventLoop.disable();
  }

  /** Milliseconds since the previous sample, or since the start. */
  elapsed(now: number): number {
    return now - this.#last;
  }

  take(now: number): Sample {
    const { connections, topics, records } = this.sources;
    const seconds = this.elapsed(now) / 1000;
    const totals = totalsOf(this.sources);
    const rate = (of: keyof Totals): number => (seconds > 0 ? round((totals[of] - this.#totals[of]) / seconds) : 0);
    const sample: Sample = {
      at: round((now - this.#began) / 1000),
      connections: connections.size,
      topics: topics.size,
      lonelyTopics: topics.lonely,
      subscriptions: topics.subscriptions,
      records: records.size,
      messages: rate('messages'),
      deliveries: rate('deliveries'),
      bytesIn: Math.round(rate('bytesIn')),
      bytesOut: Math.round(rate('bytesOut')),
      refused: rate('refused'),
      delay: this.#delay(),
      processors: rate('processors'),
      heap: heapBytes(),
      resident: residentBytes() ?? 0,
    };
    this.#last = now;
    this.#totals = totals;
    return sample;
  }

  /**
   * Delay of the event loop in milliseconds. The histogram holds the time between looks, so their interval is
   * subtracted.
   */
  #delay(): number {
    const { count } = this.#eventLoop;
    const measured = count === 0 ? 0 : this.#eventLoop.percentile(99) / 1e6;
    this.#eventLoop.reset();
    return round(Math.max(0, measured - RESOLUTION_MS));
  }
}

function totalsOf({ traffic, refusals }: Sources): Totals {
  const { user, system } = process.cpuUsage();
  return {
    messages: sum(traffic.received) + sum(traffic.dropped),
    deliveries: traffic.deliveries,
    bytesIn: traffic.bytesIn,
    bytesOut: traffic.bytesOut,
    refused: refusals.total,
    processors: (user + system) / 1e6,
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Rounds to three decimal places, which is more than anyone reads. */
function round(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}
