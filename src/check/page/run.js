import { Fault, noAddresses, notConnected, notRelayed, pingLost, unexpected, webSocketBlocked } from './fault.js';
import { Peer, randomTopic } from './peer.js';
import { opened, ping, Side } from './side.js';
import { inWords } from './steps.js';

/** @typedef {import('./server.js').Server} Server */
/** @typedef {import('./steps.js').StepId} StepId */

/**
 * Follows a run.
 * @typedef {object} Watcher
 * @property {(id: StepId) => void} began
 * @property {(id: StepId, milliseconds: number, detail: string) => void} passed
 * @property {(id: StepId, milliseconds: number, fault: Fault) => void} failed
 */

/** Milliseconds for the WebSockets to open, for a message to arrive, and for the data channel to open. */
const OPEN_MS = 10_000;
const RELAY_MS = 5000;
const CONNECT_MS = 15_000;

/**
 * One run of the check, from the first question to the last ping. Owns the peers and sides that it opens. Does not know
 * the page. Invariant: nothing stays open after the run.
 */
export class Run {
  #server;
  #token;
  #watcher;
  /** @type {Peer[]} */
  #peers = [];
  /** @type {Side[]} */
  #sides = [];
  #over = false;

  /**
   * @param {Server} server
   * @param {string} token empty for none
   * @param {Watcher} watcher
   */
  constructor(server, token, watcher) {
    this.#server = server;
    this.#token = token;
    this.#watcher = watcher;
  }

  /**
   * Runs the steps. Resolves to the milliseconds from connect to open channel, or to undefined when a step failed. The
   * watcher knows why.
   */
  async connect() {
    try {
      return await this.#steps();
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    } finally {
      this.#over = true;
      for (const side of this.#sides) side.end();
      for (const peer of this.#peers) peer.leave();
    }
  }

  async #steps() {
    await this.#step('server', async () => `version ${await this.#server.version()}`);
    await this.#step('admission', async () => {
      await this.#server.admits(this.#token);
      return this.#token === '' ? 'without a token' : 'with this token';
    });

    const began = performance.now();
    await this.#step('sockets', async () => {
      await this.#open();
      return this.#server.webSocketUrl;
    });
    const [one, other] = this.#peers;
    await this.#step('rendezvous', async () => {
      await within(
        RELAY_MS,
        () => notRelayed('what one peer says to the other'),
        Promise.all([one.meet(), other.meet()]),
      );
      return `a random topic, ${protocols(this.#peers)}`;
    });

    const offered = await this.#step('offer', async () => {
      this.#sides = [new Side(one), new Side(other)];
      const [from, to] = this.#sides;
      const [{ channel, size }] = await within(
        RELAY_MS,
        () => notRelayed('the offer'),
        Promise.all([from.offer(), to.takeOffer()]),
      );
      return { channel, detail: `${size} bytes of SDP` };
    });
    const [caller, callee] = this.#sides;
    await this.#step('answer', async () => {
      const [size] = await within(
        RELAY_MS,
        () => notRelayed('the answer'),
        Promise.all([callee.answer(), caller.takeAnswer()]),
      );
      return `${size} bytes of SDP`;
    });
    await this.#step('candidates', async () => {
      // Without a network, Chromium finds no address and never stops looking for one.
      const late = () =>
        caller.gathered === 0 || callee.gathered === 0 ? noAddresses() : notRelayed('an ICE candidate');
      const taking = Promise.all([caller.takeCandidates(), callee.takeCandidates()]);
      await within(RELAY_MS, late, Promise.race([taking, Promise.all([caller.reached, callee.reached])]));
      return `${caller.gathered} one way, ${callee.gathered} the other`;
    });
    await this.#step('channel', async () => {
      await within(CONNECT_MS, () => notConnected(), opened(offered.channel));
      return 'from peer to peer, past the server';
    });
    const connected = performance.now() - began;

    await this.#step('ping', async () => {
      const median = await within(RELAY_MS, () => pingLost(), ping(offered.channel));
      return `${inWords(median)} there and back, the median`;
    });
    return connected;
  }

  /**
   * Runs one step and tells the watcher the outcome. `work` resolves to the detail of the step, or to an object with
   * one. The step fails as soon as a connection is lost.
   * @template {string | { readonly detail: string }} Result
   * @param {StepId} id
   * @param {() => Promise<Result>} work
   */
  async #step(id, work) {
    this.#watcher.began(id);
    const began = performance.now();
    try {
      const lost = this.#peers.map((peer) => peer.lost);
      const result = await Promise.race([work(), ...lost, ...this.#sides.map((side) => side.stuck)]);
      this.#watcher.passed(id, performance.now() - began, typeof result === 'string' ? result : result.detail);
      return result;
    } catch (error) {
      const fault = error instanceof Fault ? error : unexpected(error);
      this.#watcher.failed(id, performance.now() - began, fault);
      throw fault;
    }
  }

  /**
   * Opens two WebSockets. The browser does not say why one did not open, so this asks the server again: it may be full
   * by now.
   */
  async #open() {
    const topic = randomTopic();
    const opening = [1, 2].map(() =>
      Peer.open(this.#server.webSocketUrl, this.#token, topic).then((peer) =>
        this.#over ? peer.leave() : this.#peers.push(peer),
      ),
    );
    try {
      await within(OPEN_MS, () => webSocketBlocked(), Promise.all(opening));
    } catch {
      await this.#server.admits(this.#token);
      throw webSocketBlocked();
    }
  }
}

/**
 * The subprotocols that the server selected; both, if the peers reached servers of different releases.
 * @param {readonly Peer[]} peers
 */
function protocols(peers) {
  const selected = new Set(peers.map(({ protocol }) => protocol || 'CBOR without a subprotocol'));
  return [...selected].join(' and ');
}

/**
 * @template Result
 * @param {number} milliseconds
 * @param {() => Fault} late makes the fault to throw when the work takes longer
 * @param {Promise<Result>} work
 */
async function within(milliseconds, late, work) {
  /** @type {number | undefined} */
  let timer;
  const over = new Promise((_, reject) => {
    timer = setTimeout(() => reject(late()), milliseconds);
  });
  try {
    return await Promise.race([work, /** @type {Promise<never>} */ (over)]);
  } finally {
    clearTimeout(timer);
  }
}
