import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeMessage } from '../../dist/protocol/message.js';
import { BINARY, clientFrame, PING, PONG, readFrames } from './frame.mjs';

/** Error codes when a source address has no free port. The next attempt gets another port. */
const PORT_TAKEN = /^EADDR(?:INUSE|NOTAVAIL)$/;
const ATTEMPTS = 10;
const NOTHING = Buffer.alloc(0);

/**
 * A peer's WebSocket on a raw socket, so cheap that the server is the bottleneck, not the load.
 * Invariant: an unexpected end of a connection ends the load with an error, so no figure comes from an incomplete run.
 */
export class Connection {
  /** Called for every message. */
  onMessage = () => undefined;
  #socket;
  #newMask;
  #rest = NOTHING;
  #leaving = false;
  #onPong = () => undefined;

  /** Resolves when the handshake is done. `target` has `port`, `newMask` and optionally `localAddress`. */
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

  /** A frame for this connection, which can be sent many times. */
  relayFrame(topic, payload) {
    return clientFrame(BINARY, encodeMessage({ kind: 'Relay', topic, payload }), this.#newMask);
  }

  subscribe(topic) {
    this.send(clientFrame(BINARY, encodeMessage({ kind: 'Subscribe', topic }), this.#newMask));
  }

  send(frame) {
    this.#socket.write(frame);
  }

  /** Resolves when the server has handled everything sent before. */
  sync() {
    return new Promise((resolve) => {
      this.#onPong = resolve;
      this.send(clientFrame(PING, NOTHING, this.#newMask));
    });
  }

  /** Cuts the connection, without a closing handshake. */
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

/** Opens a socket and does the handshake. */
async function upgraded({ port, localAddress }) {
  const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(handshake(port));
  const closed = once(socket, 'close').then(() => ['closed']);
  const [bytes] = await Promise.race([once(socket, 'data'), closed]);
  const answer = bytes.toString('latin1');
  // On loopback the answer comes in one piece, and the server sends nothing after it unasked.
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
