import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Encoder } from 'cbor-x';
import { WebSocket } from 'ws';
import { within } from './within.mjs';

/** How long the server may take over anything that a peer waits for. */
const ANSWER_MS = 15_000;

const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

/** A topic that nobody else has. */
export const newTopic = () => randomBytes(32).toString('hex');

/** A canonical Relay. */
export const relayMessage = (topic, payload) => encoder.encode({ Relay: { topic, payload } });

/** One WebSocket on a TCP socket of ours, so that it can also end rudely. Nothing waits without a bound. */
export class Peer {
  /** Whether the end of the connection is its own doing. */
  leaving = false;
  #tcp;
  #pings = 0;

  constructor(tcp) {
    this.#tcp = tcp;
    this.socket = new WebSocket('ws://127.0.0.1/', { createConnection: () => tcp, perMessageDeflate: false });
    this.socket.on('error', () => undefined);
    /** Resolves to how the connection ended. */
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve(`${code} ${reason.toString()}`.trim()));
    });
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  opened() {
    return within(ANSWER_MS, 'a handshake', once(this.socket, 'open'));
  }

  subscribe(topic) {
    this.socket.send(encoder.encode({ Subscribe: { topic } }));
  }

  unsubscribe(topic) {
    this.socket.send(encoder.encode({ Unsubscribe: { topic } }));
  }

  /** Resolves when the server has handled everything sent before, and everything it sent before its answer is here. */
  async sync() {
    const mark = String(++this.#pings);
    const answered = new Promise((resolve, reject) => {
      this.socket.on('pong', function onPong(data) {
        if (data.toString() !== mark) return;
        this.off('pong', onPong);
        resolve();
      });
      void this.closed.then((how) => reject(new Error(`closed with ${how} where a pong was due`)));
    });
    this.socket.ping(mark);
    await within(ANSWER_MS, 'a pong', answered);
  }

  /** The answer to a message of the JSON dialect. */
  async ask(message) {
    const answer = once(this.socket, 'message');
    this.socket.send(JSON.stringify(message));
    const [text] = await within(ANSWER_MS, `the answer to ${message.type}`, answer);
    return JSON.parse(text.toString());
  }

  /** Leaves with a closing handshake. */
  async leave() {
    this.leaving = true;
    this.socket.close();
    await within(ANSWER_MS, 'a closing handshake', this.closed);
  }

  /** Is gone from one moment to the next: the system resets the connection and forgets what was under way. */
  cut() {
    this.leaving = true;
    if (!this.#tcp.destroyed) this.#tcp.resetAndDestroy();
  }
}
