// @ts-check
// A peer of cairn-signal that speaks both dialects, for tests and the soak: it sends what it is told, also what no client
// would; docs/protocol.md has the rules.
import { text } from 'node:stream/consumers';
import { Encoder } from 'cbor-x';
import { WebSocket } from 'ws';

/** Encodes and decodes CBOR the way cairn's libraries do: objects are maps, buffers are byte strings. */
export const cbor = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

/** @type {(topic: string, payload: string | Uint8Array) => Buffer} A Relay in its canonical form. */
export const relayMessage = (topic, payload) => cbor.encode({ Relay: { topic, payload: Buffer.from(payload) } });

/** @type {(relay: Buffer) => Buffer} The payload of a Relay. */
export const payloadOf = (relay) => cbor.decode(relay).Relay.payload;

/** The server's HTTP answer to an upgrade that it refused. */
export class Refusal extends Error {
  /** @param {import('node:http').IncomingMessage} response @param {string} body */
  constructor({ statusCode, headers }, body) {
    super(`refused: ${statusCode} ${body}`);
    this.status = Number(statusCode);
    this.headers = headers;
    this.body = body;
  }
}

/** @typedef {import('ws').ClientOptions & { protocols?: string[], servername?: string }} PeerOptions What `ws` takes, and subprotocols. */

/** @typedef {{ payload: string | null, peers: { peer_id: string, addresses: string[] }[] }} Found What a query finds. */

/** One peer on a WebSocket of its own. Owns the connection, and keeps what it hears until somebody takes it. */
export class Peer {
  /** @type {Buffer[]} Binary messages that nobody took yet. */
  received = [];
  /** @type {string[]} Text messages, all of them. */
  texts = [];
  /** @type {((message: Buffer) => void)[]} */
  #waiting = [];
  #pings = 0;

  /** @param {WebSocket} socket @param {import('node:net').Socket} tcp */
  constructor(socket, tcp) {
    this.socket = socket;
    /** The TCP or TLS connection below the WebSocket. */
    this.tcp = tcp;
    /** @type {Promise<{ code: number, reason: string }>} Resolves when the connection has ended, however it did. */
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('message', (/** @type {Buffer} */ message, isBinary) => {
      const waiting = isBinary && this.#waiting.shift();
      if (waiting) waiting(message);
      else if (isBinary) this.received.push(message);
      else this.texts.push(message.toString());
    });
  }

  /**
   * Resolves when the WebSocket is open. Rejects with a Refusal when the server refuses it.
   * @param {string} url
   * @param {PeerOptions} options
   * @returns {Promise<Peer>}
   */
  static connect(url, { protocols = [], ...options } = {}) {
    const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    return new Promise((resolve, reject) => {
      socket.once('upgrade', (response) => {
        const peer = new this(socket, response.socket);
        socket.once('open', () => resolve(peer));
      });
      socket.once('unexpected-response', (_request, response) => {
        text(response).then((body) => reject(new Refusal(response, body)), reject);
      });
      // Also the errors of an open connection, which `closed` tells of.
      socket.on('error', reject);
    });
  }

  /**
   * Resolves to the server's Refusal. Rejects when the server lets the peer in.
   * @param {string} url
   * @param {PeerOptions} options
   */
  static async refused(url, options = {}) {
    const result = await this.connect(url, options).catch((/** @type {unknown} */ error) => error);
    if (result instanceof Refusal) return result;
    if (!(result instanceof Peer)) throw result;
    result.socket.terminate();
    throw new Error('the upgrade was not refused');
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** @param {string} topic */
  subscribe(topic) {
    this.send(cbor.encode({ Subscribe: { topic } }));
  }

  /** @param {string} topic */
  unsubscribe(topic) {
    this.send(cbor.encode({ Unsubscribe: { topic } }));
  }

  /**
   * Sends a payload to the topic's other subscribers, and returns the message that they get.
   * @param {string} topic @param {string | Uint8Array} payload
   */
  relay(topic, payload) {
    const message = relayMessage(topic, payload);
    this.send(message);
    return message;
  }

  /** @param {Buffer | string} message */
  send(message) {
    this.socket.send(message);
  }

  /** @returns {Promise<Buffer>} The next binary message. */
  async next() {
    return this.received.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Sends a message of the JSON dialect, or a text as it stands, and resolves to all that was answered.
   * @param {object | string} message @returns {Promise<unknown[]>}
   */
  async say(message) {
    const before = this.texts.length;
    this.send(typeof message === 'string' ? message : JSON.stringify(message));
    await this.sync();
    return this.texts.slice(before).map((answer) => JSON.parse(answer));
  }

  /** @param {string} topic @param {string | Uint8Array} payload */
  publish(topic, payload) {
    return this.say({ type: 'publish', topic, payload: Buffer.from(payload).toString('base64') });
  }

  /** @param {string} topic @param {string[]} addresses @param {string} [peerId] In hex. */
  announce(topic, addresses, peerId) {
    return this.say({ type: 'announce', topic, peer_id: peerId, addresses });
  }

  /** @param {string} topic @returns {Promise<Found>} */
  async query(topic) {
    const [answer] = await this.say({ type: 'query', topic });
    return /** @type {Found} */ (answer);
  }

  /**
   * Resolves when the server has handled everything sent before, and all that it sent meanwhile is here: the server
   * handles the messages and pings of a connection in order. Rejects when the connection ends first.
   * @returns {Promise<this>}
   */
  async sync() {
    const mark = String(++this.#pings);
    await new Promise((/** @type {(value?: unknown) => void} */ resolve, reject) => {
      this.socket.on('pong', function onPong(data) {
        if (data.toString() !== mark) return;
        this.off('pong', onPong);
        resolve();
      });
      void this.closed.then(({ code, reason }) =>
        reject(new Error(`closed with ${code} ${reason} where a pong was due`)),
      );
      this.socket.ping(mark);
    });
    return this;
  }

  /** Closes the connection with the WebSocket closing handshake. */
  close() {
    this.socket.close();
    return this.closed;
  }
}

/**
 * Every sender's messages are handled, then every receiver's deliveries are here.
 * @param {readonly Peer[]} senders @param {readonly Peer[]} receivers
 */
export async function settle(senders, receivers) {
  await Promise.all(senders.map((peer) => peer.sync()));
  await Promise.all(receivers.map((peer) => peer.sync()));
}
