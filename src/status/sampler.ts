import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Sources } from '../exposition/sources.js';

/** How often, in milliseconds, the event loop is looked at: it costs a timer. */
const RESOLUTION_MS = 10;

/** How this node was at a moment, and over the time since the sample before. */
export interface Sample {
  /** Seconds since sampling began, with the server. */
  readonly at: number;
  readonly connections: number;
  readonly topics: number;
  readonly lonelyTopics: number;
  readonly subscriptions: number;
  readonly records: number;
  /** A second each: messages that peers sent, relays written to subscribers, bytes of both, upgrades refused. */
  readonly messages: number;
  readonly deliveries: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly refused: number;
  /** How late the event loop was at worst, but for one time in a hundred, in milliseconds. */
  readonly delay: number;
  /** Processors in use: 1 is one of them, all the time. */
  readonly processors: number;
  /** Bytes: of JavaScript's heap in use, and of the whole process. */
  readonly heap: number;
  readonly resident: number;
}

/** What only grows. */
type Totals = Record<'messages' | 'deliveries' | 'bytesIn' | 'bytesOut' | 'refused' | 'processors', number>;

/**
 * Makes samples of the figures of this node. Owns the totals of the last one, and a watch on the event loop from `start` to
 * `stop`; knows nothing of when. Invariant: a rate is of the time from the sample before to this one.
 */
export class Sampler {
  readonly #eventLoop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #began = 0;
  #last = 0;
  #totals: Totals;

  constructor(private readonly sources: Sources) {
    this.#totals = totalsOf(sources);
  }

  /** `now` is in milliseconds on the monotonic clock, here and below. */
  start(now: number): void {
    this.#began = now;
    this.#last = now;
    this.#totals = totalsOf(this.sources);
    this.#eventLoop.enable();
  }

  stop(): void {
    this.#eventLoop.disable();
  }

  /** Milliseconds since the sample before, or the start. */
  elapsed(now: number): number {
    return now - this.#last;
  }

  take(now: number): Sample {
    const { connections, topics, records } = this.sources;
    const seconds = this.elapsed(now) / 1000;
    const totals = totalsOf(this.sources);
    const rate = (of: keyof Totals): number => (seconds > 0 ? round((totals[of] - this.#totals[of]) / seconds) : 0);
    const { heapUsed, rss } = process.memoryUsage();
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
      heap: heapUsed,
      resident: rss,
    };
    this.#last = now;
    this.#totals = totals;
    return sample;
  }

  /** What is measured is the time from one look to the next, and 0 where there was none. */
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

/** Three digits behind the point are more than anyone reads. */
function round(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}
