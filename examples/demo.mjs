#!/usr/bin/env node
// Two peers find each other through a cairn-signal server and exchange an SDP offer, an answer and five ICE candidates,
// CBOR-encoded as cairn's signaling protocol has them. Starts the server in this process, or uses one that runs:
//   npm run demo
//   npm run demo -- --cluster       two nodes with a NATS between them, a peer on each; needs nats-server in the PATH
//   node examples/demo.mjs --url ws://127.0.0.1:8080 [--url ws://another:8080] [--token TOKEN]
// Ends with 1 when the answer takes longer than a second from the first connect.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Decoder, Encoder } from 'cbor-x';
import { WebSocket } from 'ws';

const GOAL_MS = 1000;
/** When nothing comes at all. */
const GIVE_UP_MS = 10_000;
const { values: options } = parseArgs({
  options: {
    url: { type: 'string', multiple: true },
    token: { type: 'string' },
    cluster: { type: 'boolean', default: false },
  },
});

const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const decoder = new Decoder({ mapsAsObjects: true });

/** Ends with one line instead of a stack trace: what goes wrong here is the network's, or the server's, doing. */
function fail(why) {
  console.error(`the demo failed: ${why}`);
  process.exit(1);
}
process.on('uncaughtException', (error) => fail(error.message));
setTimeout(() => fail(`nothing came for ${GIVE_UP_MS / 1000} s`), GIVE_UP_MS).unref();

let began = performance.now();
const report = (step) => console.log(`${(performance.now() - began).toFixed(1).padStart(7)} ms  ${step}`);

/** One side of the handshake: knows its topic and puts what it receives into a queue. */
class Peer {
  #received = [];
  #wake;

  static async connect(name, url, topic) {
    const peer = new Peer();
    peer.name = name;
    peer.topic = topic;
    peer.socket = new WebSocket(
      url,
      'cairn-signal',
      options.token && { headers: { authorization: `Bearer ${options.token}` } },
    );
    peer.socket.on('message', (message) => {
      peer.#received.push(decoder.decode(decoder.decode(message).Relay.payload));
      peer.#wake?.();
    });
    await once(peer.socket, 'open');
    report(`${name} is connected`);
    return peer;
  }

  async subscribe() {
    this.socket.send(encoder.encode({ Subscribe: { topic: this.topic } }));
    // Messages of a connection are handled in order, so the answer to a ping says that the subscription stands.
    this.socket.ping();
    await once(this.socket, 'pong');
    report(`${this.name} waits on the topic`);
  }

  send(message) {
    this.socket.send(encoder.encode({ Relay: { topic: this.topic, payload: encoder.encode(message) } }));
    report(`${this.name} sends ${describe(message)}`);
  }

  async receive() {
    while (this.#received.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    const message = this.#received.shift();
    report(`${this.name} has got ${describe(message)}`);
    return message;
  }
}

function describe(message) {
  return message.candidate === undefined
    ? `the ${message.type} (${message.sdp.length} bytes of SDP)`
    : `candidate ${message.candidate.split(' ').slice(2, 6).join(' ')}`;
}

function sessionDescription(setup) {
  const fingerprint = randomBytes(32).toString('hex').toUpperCase().match(/../g).join(':');
  return [
    'v=0',
    `o=- ${Date.now()} 2 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'a=msid-semantic: WMS',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    `a=ice-ufrag:${randomBytes(3).toString('base64url')}`,
    `a=ice-pwd:${randomBytes(18).toString('base64url')}`,
    'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${fingerprint}`,
    `a=setup:${setup}`,
    'a=mid:0',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    '',
  ].join('\r\n');
}

const candidates = [
  'candidate:1 1 udp 2122260223 192.168.1.7 54321 typ host generation 0',
  'candidate:2 1 udp 2122194687 10.8.0.3 54322 typ host generation 0',
  'candidate:3 1 tcp 1518280447 192.168.1.7 9 typ host tcptype active generation 0',
  'candidate:4 1 udp 1686052607 203.0.113.9 61002 typ srflx raddr 192.168.1.7 rport 54321 generation 0',
  'candidate:5 1 udp 41885695 198.51.100.20 50000 typ relay raddr 203.0.113.9 rport 61002 generation 0',
];

/** Starts a node in this process. Its address, and how to end it. */
async function startNode(settings = {}) {
  const [{ createApp }, { parseSettings }, { Logs }, { LogFilter }] = await Promise.all(
    ['app', 'config/load-settings', 'logging/log', 'logging/log-filter'].map((part) => import(`../dist/${part}.js`)),
  );
  const logs = new Logs({ format: 'pretty', filter: LogFilter.parse('error') });
  const node = await createApp(parseSettings({ listenAddr: '127.0.0.1:0', ...settings }), { logs });
  const { port } = await node.listen();
  console.log(`a server of our own listens on 127.0.0.1:${port}`);
  return { url: `ws://127.0.0.1:${port}`, close: () => node.close() };
}

/** Starts a NATS of our own on a free port. */
async function startNats() {
  const nats = spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] });
  nats.on('error', () => fail('--cluster needs nats-server in the PATH; on Debian: apt-get install nats-server'));
  process.on('exit', () => nats.kill());
  for await (const line of createInterface(nats.stderr)) {
    const port = /client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    nats.stderr.resume();
    console.log(`a NATS of our own listens on 127.0.0.1:${port}`);
    return { url: `nats://127.0.0.1:${port}`, close: () => nats.kill() };
  }
  return fail('nats-server did not start');
}

/** The servers that the demo is about, what else was started, first to be closed last. */
async function start() {
  if (options.url !== undefined) return { urls: options.url, started: [] };
  if (!options.cluster) {
    const node = await startNode();
    return { urls: [node.url], started: [node] };
  }
  const nats = await startNats();
  const nodes = await Promise.all([startNode({ natsUrl: nats.url }), startNode({ natsUrl: nats.url })]);
  return { urls: nodes.map(({ url }) => url), started: [nats, ...nodes] };
}

const { urls, started } = await start();
console.log();
// cairn derives the topic from what both peers know from their pairing; here a shared secret stands for it.
const topic = createHash('sha256').update(randomBytes(32)).digest('hex');

began = performance.now();
const alice = await Peer.connect('alice', urls[0], topic);
const bob = await Peer.connect('bob', urls.at(-1), topic);
await Promise.all([alice.subscribe(), bob.subscribe()]);

alice.send({ type: 'offer', sdp: sessionDescription('actpass') });
await bob.receive();
bob.send({ type: 'answer', sdp: sessionDescription('active') });
await alice.receive();
const took = performance.now() - began;

for (const candidate of candidates) alice.send({ candidate, sdpMid: '0', sdpMLineIndex: 0 });
for (const candidate of candidates) {
  if ((await bob.receive()).candidate !== candidate) throw new Error('the candidates arrived in another order');
}

alice.socket.close();
bob.socket.close();
await Promise.all([once(alice.socket, 'close'), once(bob.socket, 'close')]);
for (const one of started.toReversed()) await one.close();

console.log(`\nfrom first connect to answer: ${took.toFixed(1)} ms (goal: under ${GOAL_MS} ms)`);
process.exitCode = took < GOAL_MS ? 0 : 1;
