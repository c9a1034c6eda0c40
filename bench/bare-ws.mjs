// For comparison: plain ws with only a map of topics around it. The cost of a connection here is the cost of the
// library. Anything above that in the server is ours.
import { WebSocketServer } from 'ws';

const TOPIC_BYTES = 64;
const subscribers = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096, perMessageDeflate: false });

server.on('listening', () => console.log(`listening on ws://127.0.0.1:${server.address().port}`));
server.on('connection', (connection) => {
  // The load sends only Subscribe here. Its last bytes are the topic.
  connection.on('message', (message) => {
    const topic = message.latin1Slice(message.length - TOPIC_BYTES);
    if (!subscribers.has(topic)) subscribers.set(topic, new Set());
    subscribers.get(topic).add(connection);
  });
});
