import { once } from 'node:events';
import { connect } from 'cairn-signal-client';
import { WebSocket } from 'ws';
import { within } from './within.mjs';

/** Time that the server may take for anything that a client waits for. */
const ANSWER_MS = 15_000;

/** The client on one TCP connection that the soak opened. Whatever it tells of before it leaves is a fault. */
export class SoakClient {
  #tcp;
  #socket;
  #leaving = false;
  #closed;

  /** `version` is that of the protocol, 1 or 2. */
  static async on(tcp, version, fault) {
    const client = new SoakClient(tcp, version, fault);
    await within(ANSWER_MS, 'a handshake', once(client.signal, 'open'));
    return client;
  }

  constructor(tcp, version, fault) {
    this.#tcp = tcp;
    this.#closed = once(tcp, 'close');
    const client = this;
    class Socket extends WebSocket {
      constructor(url, protocols) {
        const offered = protocols.filter((name) => version === 2 || name !== 'cairn-signal.v2');
        super(url, offered, { createConnection: () => tcp, perMessageDeflate: false });
        client.#socket = this;
      }
    }
    this.signal = connect('ws://127.0.0.1/', { WebSocket: Socket });
    this.signal.addEventListener('error', ({ error }) => fault(`the client told of ${error.code}: ${error.message}`));
    for (const type of ['down', 'refused']) {
      this.signal.addEventListener(type, ({ code, reason }) => {
        if (this.#leaving) return;
        fault(`an honest peer: ${type} ${code ?? ''} ${reason}`);
        this.cut();
      });
    }
  }

  /** Joins a topic, and resolves to it once the server has confirmed that. */
  async join(name, options) {
    const topic = this.signal.join(name, options);
    await within(ANSWER_MS, 'joining', topic.ready);
    // Version 1 confirms nothing, but pongs come in order.
    if (this.#socket.protocol !== 'cairn-signal.v2') {
      this.#socket.ping();
      await within(ANSWER_MS, 'a pong', once(this.#socket, 'pong'));
    }
    return topic;
  }

  /** Leaves, with the closing handshake. */
  async close() {
    this.#leaving = true;
    this.signal.close();
    await within(ANSWER_MS, 'a closing handshake', this.#closed);
  }

  /** Disappears from one moment to the next: the system resets the connection, and drops what was under way. */
  cut() {
    this.#leaving = true;
    if (!this.#tcp.destroyed) this.#tcp.resetAndDestroy();
    this.signal.close();
  }
}

/**
 * Resolves to an event of a topic that fulfils a condition, or to undefined if the condition holds already.
 */
export function told(topic, type, what, condition) {
  const over = new AbortController();
  const sure = new Promise((resolve) => {
    if (condition()) resolve();
    topic.addEventListener(type, (event) => condition(event) && resolve(event), { signal: over.signal });
  });
  return within(ANSWER_MS, what, sure).finally(() => over.abort());
}
