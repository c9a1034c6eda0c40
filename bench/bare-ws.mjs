// For comparison: plain ws with only a map of topics around it. What a connection or a message costs here is the cost of
// the library. Anything above that in the server is ours. With the paths of a certificate and its key, over TLS.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { WebSocketServer } from 'ws';

const TOPIC_BYTES = 64;
/** A canonical Relay: where the first letter of its name is, and where its topic begins. */
const NAME_AT = 2;
const RELAY = 'R'.charCodeAt(0);
const RELAY_TOPIC_AT = 16;
const BINARY = { binary: true };
const subscribers = new Map();
const records = new Map();
const [cert, key] = process.argv.slice(2).map((path) => readFileSync(path));
const server = cert === undefined ? createServer() : createTlsServer({ cert, key });

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (connection) => {
  connection.on('message', (message, isBinary) => {
    if (!isBinary) answer(connection, JSON.parse(message.utf8Slice()));
    else if (message[NAME_AT] === RELAY) relay(connection, message);
    else subscribe(connection, message.latin1Slice(message.length - TOPIC_BYTES));
  });
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening on ws://127.0.0.1:${server.address().port}`);
});

function subscribe(connection, topic) {
  if (!subscribers.has(topic)) subscribers.set(topic, new Set());
  subscribers.get(topic).add(connection);
}

function relay(connection, message) {
  const topic = message.latin1Slice(RELAY_TOPIC_AT, RELAY_TOPIC_AT + TOPIC_BYTES);
  for (const other of subscribers.get(topic)) if (other !== connection) other.send(message, BINARY);
}

/** A message of the JSON dialect. */
function answer(connection, { type, topic, payload }) {
  if (type === 'publish') records.set(topic, payload);
  connection.send(JSON.stringify(type === 'publish' ? { type: 'ack' } : { topic, payload: records.get(topic) }));
}
