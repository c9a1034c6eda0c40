#!/usr/bin/env node
// Measures the cost of reading one message, in nanoseconds: the fast path, the strict reader, cbor-x for comparison,
// and JSON. Then measures the slowest forms of a message of 64 KiB. None may take 1 ms (SECURITY.md, "What one message
// can cost").
//   npm run bench -- codec
import { randomBytes } from 'node:crypto';
import { Decoder } from 'cbor-x';
import { canonicalRelayTopic } from '../dist/protocol/canonical-relay.js';
import { encodeMessage } from '../dist/protocol/message.js';
import { parseRendezvousMessage } from '../dist/protocol/rendezvous-message.js';
import { readMessage } from '../dist/protocol/strict-reader.js';
import { binaryFrame } from '../dist/protocol/websocket-frame.js';
import { slowForms } from './slow-forms.mjs';

const ROUNDS = 7;
const ROUND_MS = 150;
/** The default of max-message-bytes. */
const LARGEST_BYTES = 65_536;

const topic = randomBytes(32).toString('hex');
const relay = encodeMessage({ kind: 'Relay', topic, payload: randomBytes(512) });
const subscribe = encodeMessage({ kind: 'Subscribe', topic });
const tagged = Buffer.concat([Buffer.from([0xd9, 0xd9, 0xf7]), relay]);
const query = Buffer.from(JSON.stringify({ type: 'query', topic }));
const decoder = new Decoder({ mapsAsObjects: true });

/** Median time of a call over several rounds, in nanoseconds. Each round is long enough to time. */
function nanoseconds(call, batch = 1000) {
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const began = process.hrtime.bigint();
    let calls = 0;
    let elapsed = 0n;
    while (elapsed < BigInt(ROUND_MS) * 1_000_000n) {
      for (let i = 0; i < batch; i++) call();
      calls += batch;
      elapsed = process.hrtime.bigint() - began;
    }
    if (round > 0) rounds.push(Number(elapsed) / calls);
  }
  return rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}

const cases = {
  'canonical Relay of 512 bytes, fast path': () => canonicalRelayTopic(relay),
  'canonical Relay of 512 bytes, strict reader': () => readMessage(relay),
  'canonical Relay of 512 bytes, cbor-x': () => decoder.decode(relay),
  'Relay behind a tag, strict reader and encoder': () => encodeMessage(readMessage(tagged)),
  'Subscribe, strict reader': () => readMessage(subscribe),
  'query in JSON': () => parseRendezvousMessage(query),
  'one WebSocket frame around 600 bytes': () => binaryFrame(relay),
};
for (const [name, call] of Object.entries(cases)) {
  console.log(`${nanoseconds(call).toFixed(0).padStart(6)} ns  ${name}`);
}

console.log(`\nslowest forms of ${LARGEST_BYTES} bytes, in milliseconds, read and encoded`);
const slow = Object.entries(slowForms(LARGEST_BYTES)).map(([name, frame]) => [
  name,
  nanoseconds(() => encodeMessage(readMessage(frame)), 10) / 1e6,
]);
for (const [name, milliseconds] of slow.toSorted((a, b) => b[1] - a[1])) {
  console.log(`${milliseconds.toFixed(3).padStart(6)} ms  ${name}`);
}
