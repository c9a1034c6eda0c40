import './cbor-x.js';
import { closed } from './fault.js';

/** @type {typeof import('cbor-x')} The script of cbor-x sets this global. */
const { Decoder, Encoder } = Reflect.get(globalThis, 'CBOR');
const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const decoder = new Decoder({ mapsAsObjects: true });

/** Milliseconds until a hello without an answer is sent again. */
const HELLO_AGAIN_MS = 500;

/** @typedef {{ type: 'hello' | 'welcome' }} Greeting */
/** @typedef {{ type: 'offer' | 'answer', sdp: string }} Description */
/** @typedef {{ type: 'candidate', candidate: RTCIceCandidateInit }} Candidate */
/** @typedef {Greeting | Description | Candidate} Message What peers say to each other. */

/**
 * A peer as the server knows it: a WebSocket, subscribed to a topic, with messages in CBOR (docs/protocol.md, section
 * 1). Owns the messages that have arrived. Does not know WebRTC. Invariant: messages of one kind are taken in the order
 * of their arrival.
 */
export class Peer {
  /** Rejects with a Fault when the connection ends before `leave`. */
  lost;
  #socket;
  #topic;
  #left = false;
  /** @type {Message[]} */
  #inbox = [];
  /** @type {(() => void)[]} Called at the next message. */
  #waiting = [];

  /**
   * @param {WebSocket} socket
   * @param {string} topic
   */
  constructor(socket, topic) {
    this.#socket = socket;
    this.#topic = topic;
    socket.addEventListener('message', ({ data }) => {
      const payload = decoder.decode(new Uint8Array(data)).Relay.payload;
      this.#inbox.push(decoder.decode(payload));
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.lost = new Promise((_, reject) => {
      socket.addEventListener('close', (close) => {
        if (!this.#left) reject(closed(close));
      });
    });
    this.lost.catch(() => {});
  }

  /**
   * Resolves when the WebSocket is open. Rejects when it does not open; the browser does not say why.
   * @param {string} url
   * @param {string} token empty for none
   * @param {string} topic
   * @returns {Promise<Peer>}
   */
  static open(url, token, topic) {
    const protocols = token === '' ? ['cairn-signal'] : ['cairn-signal', `bearer.${base64url(token)}`];
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, protocols);
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('open', () => resolve(new Peer(socket, topic)));
      socket.addEventListener('close', () => reject(new Error('the WebSocket did not open')));
    });
  }

  /**
   * Subscribes, and resolves when the other peer has subscribed too. The server does not answer a Subscribe, so each
   * peer says hello after it, and a peer that hears hello says welcome. The first peer hears the hello of the second.
   */
  async meet() {
    this.#send({ Subscribe: { topic: this.#topic } });
    this.say({ type: 'hello' });
    const again = setInterval(() => this.say({ type: 'hello' }), HELLO_AGAIN_MS);
    const { type } = await this.hear('hello', 'welcome').finally(() => clearInterval(again));
    if (type === 'hello') this.say({ type: 'welcome' });
  }

  /** @param {Message} message */
  say(message) {
    this.#send({ Relay: { topic: this.#topic, payload: encoder.encode(message) } });
  }

  /**
   * The next message of one of these kinds.
   * @template {Message['type']} Kind
   * @param {Kind[]} kinds
   * @returns {Promise<Extract<Message, { type: Kind }>>}
   */
  async hear(...kinds) {
    for (;;) {
      const index = this.#inbox.findIndex(({ type }) => kinds.some((kind) => kind === type));
      if (index !== -1) return /** @type {Extract<Message, { type: Kind }>} */ (this.#inbox.splice(index, 1)[0]);
      await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    }
  }

  /** Closes the WebSocket. `lost` does not reject for this. */
  leave() {
    this.#left = true;
    this.#socket.close(1000);
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encoder.encode(message));
  }
}

/** A random topic in the form of cairn's: 64 hex characters. */
export function randomTopic() {
  return Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {string} text ASCII */
function base64url(text) {
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
