import {
  Fault,
  noAddresses,
  noIceServers,
  notConnected,
  notRelayed,
  pingLost,
  unexpected,
  webSocketBlocked,
} from './fault.js';
import { Peer, ping, randomTopic } from './peer.js';
import { relaysIn, throughRelays } from './relay.js';
import { inWords } from './steps.js';

/** @typedef {import('./server.js').Server} Server */
/** @typedef {import('./steps.js').StepId} StepId */

/**
 * Follows a run.
 * @typedef {object} Watcher
 * @property {(id: StepId) => void} began
 * @property {(id: StepId, milliseconds: number, detail: string) => void} passed
 * @property {(id: StepId, milliseconds: number, fault: Fault) => void} failed
 * @property {(id: StepId, why: string) => void} skipped there is nothing to do
 */

/** Milliseconds for the WebSockets to open, for a message to arrive, and for the data channel to open. */
const OPEN_MS = 10_000;
const RELAY_MS = 5000;
const CONNECT_MS = 15_000;

/**
 * One run of the check, from the first question to the last ping. Owns the peers. Does not know the page. Invariant: nothing stays open after the run.
 */
export class Run {
  #server;
  #token;
  #watcher;
  /** @type {Peer[]} */
  #peers = [];
  /** @type {Promise<never>[]} What ends whichever step is under way. */
  #ends = [];

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
      for (const peer of this.#peers) peer.end();
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
    const [caller, callee] = this.#peers;
    this.#ends.push(caller.lost.promise, callee.lost.promise);
    await this.#step('rendezvous', async () => {
      const topic = randomTopic();
      callee.meet(topic, 'responder');
      caller.meet(topic, 'initiator');
      await within(RELAY_MS, () => notRelayed('what one peer says to the other'), caller.met.promise);
      return `a random topic, ${protocols(this.#peers)}`;
    });

    this.#ends.push(caller.stuck.promise, callee.stuck.promise);
    await this.#step('offer', async () => {
      const size = await within(RELAY_MS, () => notRelayed('the offer'), callee.heard.offer.promise);
      return `${size} bytes of SDP`;
    });
    await this.#step('answer', async () => {
      const size = await within(RELAY_MS, () => notRelayed('the answer'), caller.heard.answer.promise);
      return `${size} bytes of SDP`;
    });
    await this.#step('candidates', async () => {
      // Without a network, Chromium finds no address and never stops looking for one.
      const late = () =>
        caller.gathered === 0 || callee.gathered === 0 ? noAddresses() : notRelayed('an ICE candidate');
      await within(RELAY_MS, late, Promise.all([caller.reached.promise, callee.reached.promise]));
      return `${caller.gathered} one way, ${callee.gathered} the other`;
    });
    await this.#step('channel', async () => {
      await within(CONNECT_MS, () => notConnected(), Promise.all([caller.connected.promise, callee.connected.promise]));
      return 'from peer to peer, past the server';
    });
    const connected = performance.now() - began;

    await this.#step('ping', async () => {
      const [near, far] = await Promise.all([caller.connected.promise, callee.connected.promise]);
      const median = await within(RELAY_MS, () => pingLost(), ping(near, far));
      return `${inWords(median)} there and back, the median`;
    });
    await this.#step('relay', async () => {
      const servers = await caller.iceServers().catch((error) => {
        throw noIceServers(error);
      });
      const relays = relaysIn(servers);
      return relays.length === 0 ? { skipped: 'no TURN servers for this page' } : throughRelays(relays);
    });
    return connected;
  }

  /**
   * Runs one step and tells the watcher the outcome. `work` resolves to the detail of the step. The step fails as soon as
   * a connection is lost.
   * @param {StepId} id
   * @param {() => Promise<string | { readonly skipped: string }>} work
   */
  async #step(id, work) {
    this.#watcher.began(id);
    const began = performance.now();
    try {
      const detail = await Promise.race([work(), ...this.#ends]);
      if (typeof detail === 'string') this.#watcher.passed(id, performance.now() - began, detail);
      else this.#watcher.skipped(id, detail.skipped);
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
    this.#peers = [1, 2].map(() => new Peer(this.#server.webSocketUrl, this.#token));
    try {
      await within(OPEN_MS, () => webSocketBlocked(), Promise.all(this.#peers.map(({ opened }) => opened.promise)));
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
