#!/usr/bin/env node
// What reading one message costs, in nanoseconds: the fast path, the strict reader, cbor-x for comparison, JSON.
//   npm run bench -- codec
import { randomBytes } from 'node:crypto';
import { Decoder } from 'cbor-x';
import { canonicalRelayTopic } from '../dist/protocol/canonical-relay.js';
import { encodeMessage } from '../dist/protocol/message.js';
import { parseRendezvousMessage } from '../dist/protocol/rendezvous-message.js';
import { readMessage } from '../dist/protocol/strict-reader.js';
import { binaryFrame } from '../dist/protocol/websocket-frame.js';

const ROUNDS = 7;
const ROUND_MS = 150;

const topic = randomBytes(32).toString('hex');
const relay = encodeMessage({ kind: 'Relay', topic, payload: randomBytes(512) });
const subscribe = encodeMessage({ kind: 'Subscribe', topic });
const tagged = Buffer.concat([Buffer.from([0xd9, 0xd9, 0xf7]), relay]);
const query = JSON.stringify({ type: 'query', topic });
const decoder = new Decoder({ mapsAsObjects: true });

/** Median of several rounds, each long enough to be timed, in nanoseconds a call. */
function nanoseconds(call) {
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const began = process.hrtime.bigint();
    let calls = 0;
    let elapsed = 0n;
    while (elapsed < BigInt(ROUND_MS) * 1_000_000n) {
      for (let i = 0; i < 1000; i++) call();
      calls += 1000;
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
for (const [name, call] of Object.entries(cases)) console.log(`${nanoseconds(call).toFixed(0).padStart(6)} ns  ${name}`);
