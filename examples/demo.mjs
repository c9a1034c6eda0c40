#!/usr/bin/env node
// Two peers find each other through a cairn-signal server. They exchange an SDP offer, an answer and five ICE
// candidates, in CBOR, as cairn's signaling protocol demands. Starts a server, or uses one that runs:
//   npm run demo
//   npm run demo -- --cluster       two nodes with NATS between them, and a peer on each; needs nats-server in the PATH
//   node examples/demo.mjs --url ws://127.0.0.1:8080 [--url ws://another:8080] [--token TOKEN]
// Exits with 1 when the answer comes later than a second after the first connect.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { cbor, payloadOf, Peer } from './peer.mjs';
import { startServer } from './server.mjs';

const GOAL_MS = 1000;
const { values: options } = parseArgs({
  options: {
    url: { type: 'string', multiple: true },
    token: { type: 'string' },
    cluster: { type: 'boolean', default: false },
  },
});

/** Ends with one line instead of a stack trace: what goes wrong here is the network's, or the server's, doing. */
function fail(why) {
  console.error(`the demo failed: ${why}`);
  process.exit(1);
}
process.on('uncaughtException', (error) => fail(error.message));

let began = performance.now();
const report = (step) => console.log(`${(performance.now() - began).toFixed(1).padStart(7)} ms  ${step}`);

/** One side of the handshake: a peer with a name, which reports what it does on the topic. */
class Side {
  static async connect(name, url, topic) {
    const side = new Side();
    const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    Object.assign(side, { name, topic, peer: await Peer.connect(url, { headers }) });
    report(`${name} is connected`);
    return side;
  }

  async subscribe() {
    this.peer.subscribe(this.topic);
    await this.peer.sync();
    report(`${this.name} waits on the topic`);
  }

  send(message) {
    this.peer.relay(this.topic, cbor.encode(message));
    report(`${this.name} sends ${describe(message)}`);
  }

  async receive() {
    const message = cbor.decode(payloadOf(await this.peer.next()));
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

/** Starts a node. */
async function startNode(flags = []) {
  const node = await startServer(flags);
  console.log(`started a server on ${node.url}`);
  return node;
}

/** Starts a NATS server on a free port. */
async function startNats() {
  const nats = spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] });
  nats.on('error', () => fail('--cluster needs nats-server in the PATH; on Debian: apt-get install nats-server'));
  process.on('exit', () => nats.kill());
  for await (const line of createInterface(nats.stderr)) {
    const port = /client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    nats.stderr.resume();
    console.log(`started NATS on 127.0.0.1:${port}`);
    return { url: `nats://127.0.0.1:${port}`, stop: () => nats.kill() };
  }
  return fail('nats-server did not start');
}

/** The URLs of the servers to use, and everything that was started, in the order of the start. */
async function start() {
  if (options.url !== undefined) return { urls: options.url, started: [] };
  if (!options.cluster) {
    const node = await startNode();
    return { urls: [node.url], started: [node] };
  }
  const nats = await startNats();
  const nodes = await Promise.all([1, 2].map(() => startNode(['--nats-url', nats.url])));
  return { urls: nodes.map(({ url }) => url), started: [nats, ...nodes] };
}

const { urls, started } = await start();
console.log();
// cairn derives the topic from the pairing of both peers. Here, a shared secret stands in for it.
const topic = createHash('sha256').update(randomBytes(32)).digest('hex');

began = performance.now();
const alice = await Side.connect('alice', urls[0], topic);
const bob = await Side.connect('bob', urls.at(-1), topic);
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

await Promise.all([alice, bob].map(({ peer }) => peer.close()));
for (const one of started.toReversed()) await one.stop();

console.log(`\nfrom first connect to answer: ${took.toFixed(1)} ms (goal: under ${GOAL_MS} ms)`);
process.exitCode = took < GOAL_MS ? 0 : 1;
