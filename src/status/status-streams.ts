import type { ServerResponse } from 'node:http';
import { getHeapStatistics } from 'node:v8';
import { HttpException, Injectable } from '@nestjs/common';
import { VERSION } from '../version.js';
import { History, INTERVAL_MS, KEPT } from './history.js';
import type { Sample } from './sampler.js';
import { Sources } from '../exposition/sources.js';
import { troublesOf } from './troubles.js';

/** Pages that may be open at a time (O5). */
export const MOST_STREAMS = 32;
/** Bytes that may wait for one of them to read (O5): several times the history. */
export const MOST_WAITING = 256 * 1024;

/** The figures of a sample, in the order in which they are sent. */
const FIGURES: readonly (keyof Sample)[] = [
  'at',
  'connections',
  'topics',
  'lonelyTopics',
  'subscriptions',
  'records',
  'messages',
  'deliveries',
  'bytesIn',
  'bytesOut',
  'refused',
  'delay',
  'processors',
  'heap',
  'resident',
];

/** What a browser waits, in milliseconds, before it comes back. */
const RETRY_MS = 2000;

/**
 * The figures of this node as server-sent events (HTML, section 9.2): to everyone the history first, then each sample when it
 * is taken. Owns the open streams; they end with the listener, at once.
 * Invariant: at most MOST_STREAMS are open, and for none of them more than MOST_WAITING bytes and a sample wait.
 */
@Injectable()
export class StatusStreams {
  readonly #open = new Set<ServerResponse>();

  constructor(
    private readonly history: History,
    private readonly sources: Sources,
  ) {
    history.tell(this.#send);
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Begins a stream. Throws an HttpException (503) when there are too many. */
  open(response: ServerResponse): void {
    if (this.#open.size >= MOST_STREAMS) {
      throw new HttpException(`${MOST_STREAMS} status pages are open already; close one.`, 503);
    }
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      // For nginx, which would keep events back.
      'X-Accel-Buffering': 'no',
    });
    // There is something to send more often than not; who does not read is found out below.
    response.socket?.setTimeout(0);
    response.on('close', () => this.#open.delete(response));
    response.write(`retry: ${RETRY_MS}\n${event('history', this.#history())}`);
    this.#open.add(response);
  }

  readonly #send = (sample: Sample): void => {
    if (this.#open.size === 0) return;
    const text = event('sample', { ...this.#node(), sample: row(sample) });
    for (const response of this.#open) {
      if (response.writableLength <= MOST_WAITING) response.write(text);
      else {
        this.#open.delete(response);
        response.destroy();
      }
    }
  };

  #history(): object {
    return {
      version: VERSION,
      heapLimit: getHeapStatistics().heap_size_limit,
      intervalSeconds: INTERVAL_MS / 1000,
      keptSeconds: (INTERVAL_MS / 1000) * KEPT,
      ...this.#node(),
      figures: FIGURES,
      samples: this.history.samples.map(row),
    };
  }

  /** What is told of the node with every event, besides its figures. */
  #node(): object {
    const { lifecycle, backplane, certificate } = this.sources;
    return {
      phase: lifecycle.phase,
      bus: backplane.state,
      certificateEnds: certificate.at ?? null,
      troubles: troublesOf(this.sources),
    };
  }
}

function row(sample: Sample): number[] {
  return FIGURES.map((figure) => sample[figure]);
}

/** JSON has no line breaks, so it is one line of data. */
function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
