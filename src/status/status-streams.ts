import type { ServerResponse } from 'node:http';
import { getHeapStatistics } from 'node:v8';
import { HttpException, Injectable } from '@nestjs/common';
import { VERSION } from '../version.js';
import { History, INTERVAL_MS, KEPT } from './history.js';
import type { Sample } from './sampler.js';
import { Sources } from '../exposition/sources.js';
import { troublesOf } from './troubles.js';

/** Maximum number of open status pages (O5). */
export const MAX_STREAMS = 32;
/** Maximum number of bytes that wait for one page (O5): several times the history. */
export const MAX_WAITING_BYTES = 256 * 1024;

/** Figures of a sample, in the order in which they are sent. */
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

/** Milliseconds that a browser waits before it reconnects. */
const RETRY_MS = 2000;

/**
 * Sends the figures of this node as server-sent events (HTML, section 9.2): first the history, then each sample when it
 * is taken. Owns the open streams, which end when the listener closes. Knows nothing of how a page shows them.
 * Invariant: at most MAX_STREAMS are open. No stream has more than MAX_WAITING_BYTES bytes and one sample waiting.
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

  /** Number of open streams. */
  get size(): number {
    return this.#open.size;
  }

  /** Starts a stream. Throws an HttpException (503) if too many are open. */
  open(response: ServerResponse): void {
    if (this.#open.size >= MAX_STREAMS) {
      throw new HttpException(`${MAX_STREAMS} status pages are already open; close one.`, 503);
    }
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      // Otherwise nginx would buffer the events.
      'X-Accel-Buffering': 'no',
    });
    // No idle timeout: samples go out all the time. A page that does not read is found in #send.
    response.socket?.setTimeout(0);
    response.on('close', () => this.#open.delete(response));
    response.write(`retry: ${RETRY_MS}\n${event('history', this.#history())}`);
    this.#open.add(response);
  }

  readonly #send = (sample: Sample): void => {
    if (this.#open.size === 0) return;
    const text = event('sample', { ...this.#node(), sample: row(sample) });
    for (const response of this.#open) {
      if (response.writableLength <= MAX_WAITING_BYTES) response.write(text);
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

  /** State of the node that goes with every event, besides the figures. */
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

/** Formats an event. JSON text has no line breaks, so it fits one `data` line. */
function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
