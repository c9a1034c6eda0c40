#!/usr/bin/env node
// Measures the worst cost of one JSON message, in microseconds: the server reads, handles and answers it, without
// sockets. Every form is as long as max-message-bytes allows, or is the smallest message that makes the server work
// hard.
//   npm run bench -- codec
import { createApp } from '../dist/app.js';
import { parseSettings } from '../dist/config/load-settings.js';
import { LogFilter } from '../dist/logging/log-filter.js';
import { Logs } from '../dist/logging/log.js';
import { encodeRecords, parseRecords } from '../dist/protocol/record-answer.js';
import { SignalingGateway } from '../dist/signaling/signaling.gateway.js';

const MOST = 65_536;
const ROUNDS = 5;
const ROUND_MS = 60;

const logs = new Logs({ format: 'json', filter: LogFilter.parse('off'), destination: { write: () => undefined } });

/** Starts a gateway. Gives a function that opens a connection, which only counts what the gateway sends and charges. */
async function node(settings) {
  const { app } = await createApp(parseSettings({ listenAddr: '127.0.0.1:0', maxConnections: 100, ...settings }), {
    logs,
  });
  const gateway = app.get(SignalingGateway, { strict: false });
  let id = 0;
  const connect = (source) => {
    const connection = { id: ++id, source, open: true, dismissed: false, sent: 0, charged: 0 };
    Object.assign(connection, {
      send: (frame) => (connection.sent += frame.length) > 0,
      charge: (messages) => (connection.charged += messages),
      hold: () => undefined,
      close: () => undefined,
    });
    gateway.handleConnection(connection);
    return (message) => {
      connection.sent = 0;
      gateway.textMessage(connection, message);
      return connection.sent;
    };
  };
  return connect;
}

/** Median time of a call over several rounds, in microseconds. */
function microseconds(call) {
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const began = performance.now();
    let calls = 0;
    for (; performance.now() - began < ROUND_MS; calls++) call();
    if (round > 0) rounds.push(((performance.now() - began) * 1000) / calls);
  }
  return rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}

function say(name, call, bytes) {
  const sent = call();
  const answered = sent > 0 ? `, answered with ${sent}` : '';
  console.log(`${microseconds(call).toFixed(1).padStart(8)} us  ${name}, ${bytes} bytes${answered}`);
}

/** A message with as many items as fit. */
function filled(head, item, tail) {
  let text = head + item(0);
  for (let i = 1; text.length + 1 + item(i).length + tail.length <= MOST; i++) text += `,${item(i)}`;
  return text + tail;
}

const QUERY = '{"type":"query","topic":"t"';
const topic = '3f'.repeat(32);
const address = (i) => `quic://192.0.2.7:${i}`;
const FORMS = {
  'a usual query': `{"type":"query","topic":"${topic}"}`,
  'a usual announce': JSON.stringify({ type: 'announce', topic, peer_id: 'b1'.repeat(20), addresses: [address(4433)] }),
  'fields of many names': filled(`${QUERY},`, (i) => `"k${i.toString(36)}":1`, '}'),
  'fields of one name': filled(`${QUERY},`, () => '"":1', '}'),
  'objects, each with a field of another name': filled(`${QUERY},"x":[`, (i) => `{"${i.toString(36)}":1}`, ']}'),
  'lists in lists': `${QUERY},"x":${'['.repeat(32_000)}${']'.repeat(32_000)}}`,
  'lists that never close': QUERY + ',"x":' + '['.repeat(65_000),
  numbers: filled(`${QUERY},"x":[`, () => '1', ']}'),
  'a number': `${QUERY},"x":${'9'.repeat(65_000)}}`,
  'a string': `${QUERY},"x":"${'x'.repeat(65_000)}"}`,
  'a long topic': `{"type":"query","topic":"${'x'.repeat(65_000)}"}`,
  'a long topic of two-byte characters': `{"type":"query","topic":"${'é'.repeat(32_000)}"}`,
  'a long topic in escapes': `{"type":"query","topic":"${'\\u0001'.repeat(10_900)}"}`,
  'a payload of 48 KB': JSON.stringify({ type: 'publish', topic: 't', payload: 'A'.repeat(65_000) }),
  'a payload of 16 KB': JSON.stringify({
    type: 'publish',
    topic: 't',
    payload: Buffer.alloc(16_384).toString('base64'),
  }),
  '21,000 addresses': filled('{"type":"announce","topic":"t","addresses":[', () => '""', ']}'),
  '1,024 addresses without a peer_id': JSON.stringify({
    type: 'announce',
    topic: 't',
    addresses: Array.from({ length: 1024 }, (_, i) => `${i}`.padStart(15, 'x')),
  }),
};
const connect = await node({});
for (const [name, text] of Object.entries(FORMS)) {
  const message = Buffer.from(text);
  const speak = connect(name);
  say(name, () => speak(message), message.length);
}

const RECORDS = {
  'published records of 16 KB': (i) => ({ type: 'publish', payload: Buffer.alloc(16_384, i).toString('base64') }),
  'published records of 2.9 KB': (i) => ({ type: 'publish', payload: Buffer.alloc(2900, i).toString('base64') }),
  'records of 1,024 addresses, no peer_id': (i) => ({
    type: 'announce',
    addresses: Array.from({ length: 1024 }, (_, k) => `${i} ${k}`.padStart(15, 'x')),
  }),
  'records with a peer_id of 16 KB': (i) => ({
    type: 'announce',
    peer_id: i.toString(16).padStart(16_000, '0'),
    addresses: [],
  }),
};
for (const recordsPerTopic of [16, 1024]) {
  for (const [name, record] of Object.entries(RECORDS)) {
    const join = await node({ recordsPerTopic });
    for (let i = 0; i < recordsPerTopic; i++) {
      join(`source ${i >> 4}`)(Buffer.from(JSON.stringify({ topic: 't', ...record(i) })));
    }
    const speak = join('source 0');
    const query = Buffer.from(`${QUERY}}`);
    say(`a query among ${recordsPerTopic} ${name}`, () => speak(query), query.length);
    const newcomer = Buffer.from(JSON.stringify({ topic: 't', ...record(recordsPerTopic) }));
    say(`one more of ${recordsPerTopic} ${name}`, () => speak(newcomer), newcomer.length);
  }
}

const TOLD = {
  '16 published records of 16 KB': { kind: 'published', age: 1, payload: Buffer.alloc(16_384).toString('base64') },
  '16 records of 1,024 addresses': {
    kind: 'announced',
    age: 1,
    announcer: 'x'.repeat(43),
    peerId: '',
    addresses: Array.from({ length: 1024 }, (_, i) => `${i}`.padStart(15, 'x')),
  },
};
/** Bounds of the records that a node accepts from another node, with default settings. */
const BOUNDS = { perTopic: 16, bytes: 16_384, messageBytes: MOST, ttl: 3_600_000 };
for (const [name, record] of Object.entries(TOLD)) {
  const records = Array.from({ length: 16 }, () => record);
  const answer = encodeRecords(records, 512 * 1024);
  say(`telling another node about ${name}`, () => encodeRecords(records, 512 * 1024).length, 0);
  say(`reading another node's answer with ${name}`, () => void parseRecords(answer, BOUNDS), answer.length);
}
