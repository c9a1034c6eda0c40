import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { newTopic, relayMessage } from '../soak-peer.mjs';
import { within } from '../within.mjs';

const KIND = 'garbage';
const SIDE_BY_SIDE = 8;
const LONGEST_PAUSE_MS = 50;
const ANSWER_MS = 15_000;

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** Requests that do not become a WebSocket. */
const REQUESTS = [
  'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello',
  'GET / HTTP/1.1\r\nno header\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
  HANDSHAKE.replace('GET', 'POST'),
  HANDSHAKE.replace('Version: 13', 'Version: 7'),
  HANDSHAKE.replace(/Sec-WebSocket-Key.*\r\n/, ''),
  `GET / HTTP/1.1\r\nHost: localhost\r\n\r\n${HANDSHAKE.slice(0, 60)}`,
];

/** Messages that break a limit. */
const EXCESSES = [
  () => [relayMessage(newTopic(), Buffer.alloc(70_000))],
  () => [
    Buffer.from([
      0xa1,
      0x69,
      ...Buffer.from('Subscribe'),
      0xa1,
      0x65,
      ...Buffer.from('topic'),
      0x79,
      0x01,
      0x01,
      ...Buffer.alloc(257, 't'),
    ]),
  ],
];

/** Whatever else may come over a network: each kind of nonsense separately, in a random order. */
export async function garbage(round) {
  const kinds = [undecodable, excessive, brokenFrames, brokenRequest, halfOpen, mute];
  await round.repeat(KIND, SIDE_BY_SIDE, async () => {
    await kinds[randomInt(kinds.length)](round);
    round.count('pieces of garbage');
    await round.after(randomInt(LONGEST_PAUSE_MS));
  });
}

/** R6, J7: meaningless messages are no reason to close. */
async function undecodable(round) {
  const peer = await round.honestPeer(KIND);
  const relay = relayMessage(newTopic(), randomBytes(100));
  for (let i = 0; i < 10; i++) {
    peer.send(randomBytes(randomInt(1000)));
    peer.send(relay.subarray(0, randomInt(relay.length)));
    peer.send(randomBytes(randomInt(1000)).toString('latin1'));
    peer.send(JSON.stringify({ type: 'publish', topic: i, payload: '***' }));
  }
  await peer.sync();
  await peer.close();
}

/** The server closes it. */
async function excessive(round) {
  const peer = await round.peer();
  for (const message of EXCESSES[randomInt(EXCESSES.length)]()) peer.send(message);
  await Promise.race([peer.closed, round.after(2000)]);
  if (!peer.isOpen) round.count('peers closed over a limit');
  peer.cut();
}

/** The server closes it, unless the bytes happen to begin a frame that never ends. */
async function brokenFrames(round) {
  const socket = await upgraded(round);
  socket.write(randomBytes(1 + randomInt(200)));
  await gone(round, socket, 500);
}

async function brokenRequest(round) {
  const socket = await round.socket();
  socket.resume();
  const some = randomInt(REQUESTS.length + 1);
  socket.write(REQUESTS[some] ?? randomBytes(1 + randomInt(500)));
  await gone(round, socket, 500);
}

/** Never becomes a request. The server closes it if it stays long enough. */
async function halfOpen(round) {
  const socket = await round.socket();
  socket.resume();
  socket.write(HANDSHAKE.slice(0, randomInt(HANDSHAKE.length)));
  await gone(round, socket, randomInt(5000));
}

/** A WebSocket that answers nothing, no ping and no close. */
async function mute(round) {
  await gone(round, await upgraded(round), randomInt(5000));
}

async function upgraded(round) {
  const socket = await round.socket();
  socket.write(HANDSHAKE);
  await within(ANSWER_MS, 'the answer to a handshake', once(socket, 'data'));
  socket.resume();
  return socket;
}

/** Waits until the server has ended the connection, for a time, and resets it if it has not. */
async function gone(round, socket, milliseconds) {
  const closed = new Promise((resolve) => {
    socket.once('close', resolve);
  });
  if (!socket.destroyed) await Promise.race([closed, round.after(milliseconds)]);
  if (!socket.destroyed) socket.resetAndDestroy();
}
