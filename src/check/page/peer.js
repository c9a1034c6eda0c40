import './cbor-x.js';
import { closed, nobodyThere, refusedRequest } from './fault.js';

/** @type {typeof import('cbor-x')} The script of cbor-x sets this global. */
const { Decoder, Encoder } = Reflect.get(globalThis, 'CBOR');
const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const decoder = new Decoder({ mapsAsObjects: true });

/** The subprotocol with answers (docs/protocol.md, section 12), and the one without. */
const V2 = 'cairn-signal.v2';
const V1 = 'cairn-signal';

/** The id of the Subscribe that asks for the members. */
const LOOK = 1;

/** Milliseconds until a hello without an answer is sent again. */
const HELLO_AGAIN_MS = 500;

/** @typedef {{ type: 'hello' | 'welcome' }} Greeting */
/** @typedef {{ type: 'offer' | 'answer', sdp: string }} Description */
/** @typedef {{ type: 'candidate', candidate: RTCIceCandidateInit }} Candidate */
/** @typedef {Greeting | Description | Candidate} Message What peers say to each other. */

/**
 * What the server says. Of the first subprotocol it is Relay alone.
 * @typedef {object} Said
 * @property {{ payload: Uint8Array }} [Relay]
 * @property {{ count: number }} [Members]
 * @property {{ id: number, to?: number }} [Ack]
 * @property {{ id?: number, code: string, message: string }} [Error]
 * @property {object} [Ping]
 */

/**
 * A peer as the server knows it: a WebSocket, subscribed to a topic, with messages in CBOR (docs/protocol.md, sections
 * 1 and 12). Owns the messages that have arrived. Does not know WebRTC. Invariant: messages of one kind are taken in the
 * order of their arrival.
 */
export class Peer {
  /** Rejects with a Fault when the connection ends before `leave`, or the server refuses something. */
  lost;
  /** @type {(fault: Error) => void} */
  #fail = () => {};
  #socket;
  #topic;
  #left = false;
  /** @type {Message[]} */
  #inbox = [];
  /** @type {(() => void)[]} Called at the next message. */
  #waiting = [];
  /** Members of the topic, this peer included; 0 until the server tells. */
  #members = 0;
  /** Whether the server would tell the members. */
  #mayLook = true;
  /** Whether the other peer is known to be there. */
  #met = false;
  /** Id of the last request. */
  #requests = LOOK;

  /**
   * @param {WebSocket} socket
   * @param {string} topic
   */
  constructor(socket, topic) {
    this.#socket = socket;
    this.#topic = topic;
    socket.addEventListener('message', ({ data }) => {
      this.#read(decoder.decode(new Uint8Array(data)));
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.lost = new Promise((_, reject) => {
      this.#fail = reject;
      socket.addEventListener('close', (close) => {
        if (!this.#left) reject(closed(close));
      });
    });
    this.lost.catch(() => {});
  }

  /**
   * Resolves when the WebSocket is open. Rejects when it does not open; the browser does not say why. It does not open
   * either where no subprotocol is selected. Without a token, it is then tried without one.
   * @param {string} url
   * @param {string} token empty for none
   * @param {string} topic
   * @returns {Promise<Peer>}
   */
  static open(url, token, topic) {
    if (token !== '') return Peer.#open(url, [V2, V1, `bearer.${base64url(token)}`], topic);
    return Peer.#open(url, [V2, V1], topic).catch(() => Peer.#open(url, [], topic));
  }

  /**
   * @param {string} url
   * @param {string[]} protocols
   * @param {string} topic
   * @returns {Promise<Peer>}
   */
  static #open(url, protocols, topic) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, protocols);
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('open', () => resolve(new Peer(socket, topic)));
      socket.addEventListener('close', () => reject(new Error('the WebSocket did not open')));
    });
  }

  /** The subprotocol that the server selected; empty for none. */
  get protocol() {
    return this.#socket.protocol;
  }

  /**
   * Subscribes, and resolves when the other peer has subscribed too. With cairn-signal.v2 the server tells when there
   * are two members. Without it, or where the members are not told, each peer says hello after its Subscribe, and a peer
   * that hears hello says welcome. The first peer hears the hello of the second.
   */
  async meet() {
    if (this.protocol === V2) {
      this.#send({ Subscribe: { topic: this.#topic, id: LOOK, presence: true } });
      while (this.#mayLook && this.#members < 2) await this.#next();
    }
    if (this.#members < 2) await this.#greet();
    this.#met = true;
  }

  async #greet() {
    this.#send({ Subscribe: { topic: this.#topic } });
    this.say({ type: 'hello' });
    const again = setInterval(() => this.say({ type: 'hello' }), HELLO_AGAIN_MS);
    const { type } = await this.hear('hello', 'welcome').finally(() => clearInterval(again));
    if (type === 'hello') this.say({ type: 'welcome' });
  }

  /**
   * Says something to the other peer. With cairn-signal.v2 the server acknowledges it.
   * @param {Message} message
   */
  say(message) {
    const receipt = this.protocol === V2 ? { id: ++this.#requests } : {};
    this.#send({ Relay: { topic: this.#topic, payload: encoder.encode(message), ...receipt } });
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
      await this.#next();
    }
  }

  /** Closes the WebSocket. `lost` does not reject for this. */
  leave() {
    this.#left = true;
    this.#socket.close(1000);
  }

  /** @param {Said} said */
  #read({ Relay, Members, Ack, Error: refusal, Ping }) {
    if (Relay !== undefined) this.#take(decoder.decode(Relay.payload));
    if (Members !== undefined) this.#members = Members.count;
    if (Ping !== undefined) this.#send({ Pong: Ping });
    if (refusal?.id === LOOK && refusal.code === 'forbidden') this.#mayLook = false;
    else if (refusal !== undefined) this.#fail(refusedRequest(refusal));
    if (Ack?.to === 0 && this.#met) this.#fail(nobodyThere());
  }

  /** @param {Message} message */
  #take(message) {
    // The other peer may speak the first version, and need the greeting.
    if (this.#met && message.type === 'hello') this.say({ type: 'welcome' });
    else this.#inbox.push(message);
  }

  /** Resolves at the next message. */
  #next() {
    return new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
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
