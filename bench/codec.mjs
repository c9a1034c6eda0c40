#!/usr/bin/env node
// Measures the cost of reading one message, in nanoseconds: the fast path, the strict reader, cbor-x for comparison,
// and JSON. Then measures the slowest forms of a message of 64 KiB. None may take 1 ms (SECURITY.md, "What one message
// can cost").
//   npm run bench -- codec
import { randomBytes } from 'node:crypto';
import { Decoder } from 'cbor-x';
import { canonicalRelayRequest, canonicalRelayTopic, relayWithin } from '../dist/protocol/canonical-relay.js';
import { encodeMessage } from '../dist/protocol/message.js';
import { parseRendezvousMessage } from '../dist/protocol/rendezvous-message.js';
import { ack, relayFrame, error, members } from '../dist/protocol/response.js';
import { readMessage, readRequest } from '../dist/protocol/strict-reader.js';
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
/** The same Relay in cairn-signal.v2, with an id, and with a receiver as well. */
const [withId, withReceiver] = ['6269641a00012345', '6269641a0001234562746f480102030405060708'].map((fields, i) => {
  const request = Buffer.concat([relay, Buffer.from(fields, 'hex')]);
  request[7] += i + 1;
  return request;
});
const member = randomBytes(8).toString('latin1');
const full = {
  count: 32,
  self: member,
  joined: Array.from({ length: 31 }, () => ({ id: randomBytes(8).toString('latin1'), data: randomBytes(64) })),
};
const refusal = { id: 5, topic, code: /** @type {const} */ ('forbidden'), message: 'you may not do that' };

/** What the codec does with a Relay of cairn-signal.v2: finds it, and takes out what others get. */
function takeApart(request) {
  const found = canonicalRelayTopic(request) ?? canonicalRelayRequest(request);
  const fields = request[7];
  const rest = relayWithin(request, found.end);
  request[7] = fields;
  return rest;
}

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
  'the same with id, fast path': () => canonicalRelayTopic(withId) ?? canonicalRelayRequest(withId),
  'the same with id and receiver, fast path': () =>
    canonicalRelayTopic(withReceiver) ?? canonicalRelayRequest(withReceiver),
  'the same with id, fast path, and what others get': () => takeApart(withId),
  'canonical Relay of 512 bytes, strict reader': () => readMessage(relay),
  'the same with id, strict reader of cairn-signal.v2': () => readRequest(withId),
  'canonical Relay of 512 bytes, cbor-x': () => decoder.decode(relay),
  'Relay behind a tag, strict reader and encoder': () => encodeMessage(readMessage(tagged)),
  'Subscribe, strict reader': () => readMessage(subscribe),
  'Subscribe, strict reader of cairn-signal.v2': () => readRequest(subscribe),
  'Ack of a Relay': () => ack(74_565, 3),
  'Relay with its sender': () => relayFrame(relay, member),
  'Error with a topic': () => error(refusal),
  'Members, 31 with 64 bytes of data each': () => members(topic, full),
  'query in JSON': () => parseRendezvousMessage(query),
  'one WebSocket frame around 600 bytes': () => binaryFrame(relay),
};
for (const [name, call] of Object.entries(cases)) {
  console.log(`${nanoseconds(call).toFixed(0).padStart(6)} ns  ${name}`);
}

console.log(`\nslowest forms of ${LARGEST_BYTES} bytes, in milliseconds, read and encoded`);
const forms = Object.entries(slowForms(LARGEST_BYTES));
const slow = forms.map(([name, frame]) => [name, nanoseconds(() => encodeMessage(readMessage(frame)), 10) / 1e6]);
print(slow);

console.log('\nthe same, cut off, from a peer of cairn-signal.v2: read in vain, and looked through for an id');
print(forms.map(([name, frame]) => [name, nanoseconds(() => readRequest(frame.subarray(0, -1)), 10) / 1e6]));

function print(times) {
  for (const [name, milliseconds] of times.toSorted((a, b) => b[1] - a[1])) {
    console.log(`${milliseconds.toFixed(3).padStart(6)} ms  ${name}`);
  }
}
