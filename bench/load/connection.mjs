import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeMessage } from '../../dist/protocol/message.js';
import { BINARY, clientFrame, PING, PONG, readFrames } from './frame.mjs';

/** What the system says when a source address has no free port just now; the next attempt gets another one. */
const PORT_TAKEN = /^EADDR(?:INUSE|NOTAVAIL)$/;
const ATTEMPTS = 10;
const NOTHING = Buffer.alloc(0);

/**
 * One WebSocket of a peer on a raw socket, so cheap that the server and not the load is what limits.
 * Invariant: an end that the load did not ask for is an error that ends the load, so no figure comes from half of a case.
 */
export class Connection {
  /** Called for every message. */
  onMessage = () => undefined;
  #socket;
  #newMask;
  #rest = NOTHING;
  #leaving = false;
  #onPong = () => undefined;

  /** Resolves once the handshake is done. `target` has the `port`, `newMask` and perhaps a `localAddress`. */
  static async open(target) {
    for (let attempt = 1; ; attempt++) {
      try {
        return new Connection(await upgraded(target), target.newMask);
      } catch (error) {
        if (!PORT_TAKEN.test(error.code) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  constructor(socket, newMask) {
    this.#socket = socket;
    this.#newMask = newMask;
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#ended(error.message));
    socket.on('close', () => this.#ended('by the server'));
  }

  /** A frame of this connection's, to be sent once or often. */
  relayFrame(topic, payload) {
    return clientFrame(BINARY, encodeMessage({ kind: 'Relay', topic, payload }), this.#newMask);
  }

  subscribe(topic) {
    this.send(clientFrame(BINARY, encodeMessage({ kind: 'Subscribe', topic }), this.#newMask));
  }

  send(frame) {
    this.#socket.write(frame);
  }

  /** Resolves when the server has handled everything that was sent before. */
  sync() {
    return new Promise((resolve) => {
      this.#onPong = resolve;
      this.send(clientFrame(PING, NOTHING, this.#newMask));
    });
  }

  /** Is gone, without a closing handshake. */
  cut() {
    this.#leaving = true;
    this.#socket.destroy();
  }

  #read(bytes) {
    const rest = readFrames(this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]), this.#onFrame);
    this.#rest = rest.length === 0 ? NOTHING : rest;
  }

  #onFrame = (opcode, bytes, start, end) => {
    if (opcode === BINARY) this.onMessage();
    else if (opcode === PONG) this.#onPong();
    else if (opcode === PING) this.send(clientFrame(PONG, bytes.subarray(start, end), this.#newMask));
  };

  #ended(how) {
    if (!this.#leaving) throw new Error(`a connection ended: ${how}`);
  }
}

/** A socket on which the handshake is done. */
async function upgraded({ port, localAddress }) {
  const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(handshake(port));
  const closed = once(socket, 'close').then(() => ['closed']);
  const [bytes] = await Promise.race([once(socket, 'data'), closed]);
  const answer = bytes.toString('latin1');
  // On loopback it comes in one piece, and nothing of the server's comes behind it unasked.
  if (!/^HTTP\/1\.1 101 .*\r\n\r\n$/s.test(answer)) {
    throw new Error(`a handshake was refused: ${answer.split('\r\n', 1)[0]}`);
  }
  return socket;
}

function handshake(port) {
  return [
    'GET / HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    '\r\n',
  ].join('\r\n');
}
