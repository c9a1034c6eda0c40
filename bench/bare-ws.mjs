// Beside what is measured: ws as it comes, with nothing around it but a map of topics. What a connection costs here, the
// library costs; the rest of what one costs in the server is ours.
import { WebSocketServer } from 'ws';

const TOPIC_BYTES = 64;
const subscribers = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096, perMessageDeflate: false });

server.on('listening', () => console.log(`listening on ws://127.0.0.1:${server.address().port}`));
server.on('connection', (connection) => {
  // The load sends nothing but Subscribe here, whose last bytes are the topic.
  connection.on('message', (message) => {
    const topic = message.latin1Slice(message.length - TOPIC_BYTES);
    if (!subscribers.has(topic)) subscribers.set(topic, new Set());
    subscribers.get(topic).add(connection);
  });
});
