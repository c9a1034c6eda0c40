#!/usr/bin/env node
// Two peers find each other through a cairn-signal server, and open a WebRTC data channel. Starts a server, or uses one
// that runs:
//   npm run demo
//   npm run demo -- --cluster       two nodes with NATS between them, and a peer on each; needs nats-server in the PATH
//   node examples/demo.mjs --url ws://127.0.0.1:8080 [--url ws://another:8080] [--token TOKEN]
// Exits with 1 when the answer comes later than a second after the first connect.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { STATUS_CODES } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { connect } from 'cairn-signal-client';
import { connectPeer } from 'cairn-signal-client/rtc';
import { RTCPeerConnection } from 'werift';
import { WebSocket } from 'ws';
import './promised.mjs';
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
let answered;
const report = (step) => console.log(`${(performance.now() - began).toFixed(1).padStart(7)} ms  ${step}`);

/** A peer with a name: the client, which reports what it does. */
function start(name, url) {
  const signal = connect(url, { token: options.token, WebSocket });
  signal.addEventListener('open', () => report(`${name} is connected`));
  signal.addEventListener('refused', ({ status }) =>
    fail(status ? `${url} refused the handshake: ${status} ${STATUS_CODES[status]}` : `${url} does not answer`),
  );
  signal.addEventListener('down', ({ code, reason, final }) => {
    report(`${name} lost the connection: ${code} ${reason}`);
    if (final) fail('the server does not want it back');
  });
  signal.addEventListener('error', ({ error }) => fail(error.message));
  return signal;
}

/** WebRTC that reports what has come from the other peer. Browsers have their own; for Node there is werift. */
const webRtcOf = (name) =>
  class extends RTCPeerConnection {
    setRemoteDescription(description) {
      if (description.type === 'answer') answered = performance.now() - began;
      report(`${name} has got the ${description.type} (${description.sdp.length} bytes of SDP)`);
      return super.setRemoteDescription(description);
    }

    addIceCandidate(candidate) {
      report(`${name} has got candidate ${candidate.candidate.split(' ').slice(2, 6).join(' ')}`);
      return super.addIceCandidate(candidate);
    }
  };

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
async function servers() {
  if (options.url !== undefined) return { urls: options.url, started: [] };
  if (!options.cluster) {
    const node = await startNode();
    return { urls: [node.url], started: [node] };
  }
  const nats = await startNats();
  const nodes = await Promise.all([1, 2].map(() => startNode(['--nats-url', nats.url])));
  return { urls: nodes.map(({ url }) => url), started: [nats, ...nodes] };
}

const { urls, started } = await servers();
console.log();
// Both peers have it, and nobody else: the server cannot read what they say to each other.
const secret = crypto.getRandomValues(new Uint8Array(32));

began = performance.now();
const [alice, bob] = [start('alice', urls[0]), start('bob', urls.at(-1))];
const [ofAlice, ofBob] = await Promise.all([
  connectPeer(alice, { secret, role: 'initiator', RTCPeerConnection: webRtcOf('alice') }),
  connectPeer(bob, { secret, role: 'responder', RTCPeerConnection: webRtcOf('bob') }),
]);
report('the data channel is open');
ofAlice.channel.send('hello, Bob');
const [{ data }] = await once(ofBob.channel, 'message');
report(`bob has got "${data}", past the server`);

for (const { connection } of [ofAlice, ofBob]) connection.close();
for (const signal of [alice, bob]) signal.close();
for (const one of started.toReversed()) await one.stop();

console.log(`\nfrom first connect to answer: ${answered.toFixed(1)} ms (goal: under ${GOAL_MS} ms)`);
process.exitCode = answered < GOAL_MS ? 0 : 1;
