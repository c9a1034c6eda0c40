import { once, setMaxListeners } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SoakClient } from './soak-client.mjs';
import { SoakPeer } from './soak-peer.mjs';
import { within } from './within.mjs';

const CONNECT_MS = 15_000;
/** After something went wrong, before the next attempt. */
const BREATH_MS = 100;

/**
 * One round of load against a port. Owns the connections of its peers, and counts what they do.
 * Invariant: what goes wrong for an honest peer is a fault. Once it has ended, no connection is left on this side.
 */
export class Round {
  #port;
  #faults;
  #counts = new Map();
  #sockets = new Set();
  #ending = new AbortController();
  #hasEnded = false;

  constructor(port, faults) {
    this.#port = port;
    this.#faults = faults;
    setMaxListeners(0, this.#ending.signal);
  }

  get isOver() {
    return this.#ending.signal.aborted;
  }

  /** How often each thing was counted, by its name. */
  get counts() {
    return this.#counts;
  }

  count(what, times = 1) {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  fault(text) {
    this.#faults.add(text);
  }

  /** A TCP connection. */
  async socket() {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    await within(CONNECT_MS, 'connecting', once(socket, 'connect'));
    this.count('connections opened');
    return socket;
  }

  /** A peer that may break rules, and be closed for it. */
  async peer() {
    const peer = await SoakPeer.on(await this.socket());
    peer.socket.on('message', () => this.count('messages received'));
    return peer;
  }

  /** The client, which keeps all rules: that anything happens to its connection is a fault. */
  async client(kind, version = 2) {
    return SoakClient.on(await this.socket(), version, (text) => this.#hasEnded || this.fault(`${kind}: ${text}`));
  }

  /** A peer without the client that keeps all rules, too: that the server closes it is a fault. */
  async honestPeer(kind) {
    const peer = await this.peer();
    void peer.closed.then(({ code, reason }) => {
      if (peer.leaving || this.#hasEnded) return;
      this.fault(`${kind}: the server closed an honest peer with ${code} ${reason}`);
    });
    return peer;
  }

  /** Resolves after a time; immediately if the round is over. */
  async after(milliseconds) {
    await pause(milliseconds, undefined, { signal: this.#ending.signal }).catch(() => undefined);
  }

  /** Calls `listener` when the round is over. */
  onOver(listener) {
    this.#ending.signal.addEventListener('abort', listener, { once: true });
  }

  /** Runs sessions of a kind one after the other until the round is over, `side` of them in parallel. */
  async repeat(kind, side, session) {
    await Promise.all(
      Array.from({ length: side }, async () => {
        while (!this.isOver) await this.once(kind, session);
      }),
    );
  }

  /** Runs one session. What goes wrong in it is a fault. */
  async once(kind, session) {
    try {
      await session();
    } catch (error) {
      this.fault(`${kind}: ${error.message}`);
      await this.after(BREATH_MS);
    }
  }

  /** Runs `load` for a time, then lets it finish what it has begun. */
  async run(milliseconds, load) {
    const running = load(this);
    await this.after(milliseconds);
    this.#ending.abort();
    await running;
    this.#hasEnded = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}
