import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { within } from './within.mjs';

const EVERY_MS = 200;
const ANSWER_MS = 15_000;

/**
 * Asks the server again and again whether it is ready, as an orchestrator does. Invariant: any answer but 200 is a
 * fault.
 */
export class Readiness {
  /** Number of requests. */
  asked = 0;
  /** Maximum time of an answer, in milliseconds. */
  slowest = 0;
  #watching = true;
  #faults;
  #over;

  constructor(port, faults) {
    this.#faults = faults;
    this.#over = this.#watch(port);
  }

  async stop() {
    this.#watching = false;
    await this.#over;
  }

  async #watch(port) {
    while (this.#watching) {
      const began = performance.now();
      const status = await within(ANSWER_MS, 'the answer', ask(port)).catch((error) => error.message);
      if (status !== 200) this.#faults.add(`/health/ready: ${status}`);
      this.asked += 1;
      this.slowest = Math.max(this.slowest, performance.now() - began);
      await pause(EVERY_MS);
    }
  }
}

/** Resolves to the status, over a new connection. */
async function ask(port) {
  const request = get({ host: '127.0.0.1', port, path: '/health/ready', agent: false });
  const [response] = await once(request, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}
