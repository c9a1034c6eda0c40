import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { encodeMessage } from '../../dist/protocol/message.js';
import { SUBPROTOCOL_V2 } from '../../dist/protocol/subprotocol.js';
import { BINARY, clientFrame, CLOSE, PING, PONG, readFrames, TEXT } from './frame.mjs';

/** Error codes when a source address has no free port. The next attempt gets another port. */
const PORT_TAKEN = /^EADDR(?:INUSE|NOTAVAIL)$/;
const ATTEMPTS = 10;
const NOTHING = Buffer.alloc(0);
/** The first letter of Relay, where the name of a message is. */
const RELAY = 'R'.charCodeAt(0);
/** Fields in CBOR: `id: 1`, which asks for an Ack; and `presence: true`. The Acks of all have the same id. */
const ID = Buffer.from('\x62id\x01', 'latin1');
const LOOKING = Buffer.from('\x68presence\xf5', 'latin1');

/**
 * A peer's WebSocket on a raw socket, so cheap that the server is the bottleneck, not the load.
 * Invariant: an unexpected end of a connection ends the load with an error, so no figure comes from an incomplete run.
 */
export class Connection {
  /** Called for every message; over cairn-signal.v2, for every Relay. */
  onMessage = () => undefined;
  /** Called for every message of the JSON dialect. */
  onText = () => undefined;
  #socket;
  #newMask;
  #rest = NOTHING;
  #leaving = false;
  #onPong = () => undefined;
  #v2;
  #receipts;

  /**
   * Resolves when the handshake is done. `target` has `port`, `newMask` and optionally `localAddress`; `v2` for a peer of
   * cairn-signal.v2, and `receipts` for one that asks for an Ack of each Relay; `tls`, and a `session` to resume.
   */
  static async open(target) {
    for (let attempt = 1; ; attempt++) {
      try {
        return new Connection(await upgraded(target), target);
      } catch (error) {
        if (!PORT_TAKEN.test(error.code) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  constructor({ socket, rest }, { newMask, v2 = false, receipts = false }) {
    this.#socket = socket;
    this.#newMask = newMask;
    this.#v2 = v2;
    this.#receipts = receipts;
    if (rest.length > 0) this.#read(rest);
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#ended(error.message));
    socket.on('close', () => this.#ended('by the server'));
    socket.resume();
  }

  /** A frame for this connection, which can be sent many times. */
  relayFrame(topic, payload) {
    const relay = encodeMessage({ kind: 'Relay', topic, payload });
    return clientFrame(BINARY, this.#receipts ? withField(relay, ID) : relay, this.#newMask);
  }

  subscribe(topic) {
    this.send(clientFrame(BINARY, encodeMessage({ kind: 'Subscribe', topic }), this.#newMask));
  }

  /** Becomes a member of a topic. Over cairn-signal.v2, one that is told of the others. */
  join(topic) {
    const subscribe = encodeMessage({ kind: 'Subscribe', topic });
    this.send(clientFrame(BINARY, this.#v2 ? withField(subscribe, LOOKING) : subscribe, this.#newMask));
  }

  leave(topic) {
    this.send(clientFrame(BINARY, encodeMessage({ kind: 'Unsubscribe', topic }), this.#newMask));
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
    if (opcode === BINARY) {
      if (!this.#v2 || bytes[start + 2] === RELAY) this.onMessage();
    } else if (opcode === TEXT) this.onText();
    else if (opcode === PONG) this.#onPong();
    else if (opcode === CLOSE && end - start >= 2) {
      this.#ended(`with ${bytes.readUInt16BE(start)} ${bytes.utf8Slice(start + 2, end)}`);
    } else if (opcode === PING) this.send(clientFrame(PONG, bytes.subarray(start, end), this.#newMask));
  };

  #ended(how) {
    if (!this.#leaving) throw new Error(`a connection ended: ${how}`);
  }
}

/** A canonical message with one more field. */
function withField(message, field) {
  const longer = Buffer.concat([message, field]);
  // Behind the head of the map, the head of the name, and the name.
  longer[2 + (message[1] & 31)] += 1;
  return longer;
}

/** Opens a connection. Resolves to a TLS session that others can resume. */
export async function newSession(target) {
  let session;
  const connection = await Connection.open({ ...target, onSession: (given) => (session = given) });
  await connection.sync();
  if (session === undefined) throw new Error('the server gives no TLS session that could be resumed');
  return session;
}

/** Opens a socket and does the handshake. Resolves to it, and to what came behind the answer. */
async function upgraded({ port, localAddress, v2 = false, tls = false, session, onSession }) {
  const where = { host: '127.0.0.1', port, localAddress, noDelay: true };
  // The certificate was made for this run, and nobody vouches for it.
  const socket = tls ? connectTls({ ...where, rejectUnauthorized: false, session }) : connect(where);
  socket.on('error', () => undefined);
  if (onSession !== undefined) socket.on('session', onSession);
  await once(socket, tls ? 'secureConnect' : 'connect');
  if (session !== undefined && !socket.isSessionReused()) throw new Error('the server did not resume a TLS session');
  socket.write(handshake(port, v2));
  const closed = once(socket, 'close').then(() => ['closed']);
  // Over TLS, one read may bring several pieces. What comes behind the first waits for the reader.
  socket.once('data', () => socket.pause());
  const [bytes] = await Promise.race([once(socket, 'data'), closed]);
  const answer = bytes.toString('latin1');
  // On loopback the answer comes in one piece. Over cairn-signal.v2, Welcome may come behind it.
  const end = answer.indexOf('\r\n\r\n');
  if (!answer.startsWith('HTTP/1.1 101 ') || end < 0) {
    throw new Error(`a handshake was refused: ${answer.split('\r\n', 1)[0]}`);
  }
  return { socket, rest: bytes.subarray(end + 4) };
}

function handshake(port, v2) {
  return [
    'GET / HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(v2 ? [`Sec-WebSocket-Protocol: ${SUBPROTOCOL_V2}`] : []),
    '\r\n',
  ].join('\r\n');
}
