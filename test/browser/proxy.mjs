// A proxy as they should not be, in front of a server on loopback: node proxy.mjs PORT strips|withholds|swallows|delays
//   strips    the Upgrade and Connection headers of requests
//   withholds the Authorization header of requests
//   swallows  what follows the handshake of a WebSocket, in both directions
//   delays    what the server sends over a WebSocket
// Prints the port it listens on.
import { connect, createServer } from 'node:net';

const [port, what] = process.argv.slice(2);
/** Headers that are taken out of requests. */
const TAKEN = { strips: /\r\n(?:Upgrade|Connection): [^\r]*/gi, withholds: /\r\nAuthorization: [^\r]*/gi }[what];
const DELAY_MS = 400;

const server = createServer((peer) => {
  const upstream = connect(Number(port), '127.0.0.1');
  let upgraded = false;
  for (const socket of [peer, upstream]) {
    socket.setEncoding('latin1');
    socket.on('error', () => {});
  }
  peer.on('close', () => upstream.destroy());
  upstream.on('close', () => peer.destroy());
  peer.on('data', (text) => {
    if (upgraded && what === 'swallows') return;
    upstream.write(TAKEN === undefined || upgraded ? text : text.replaceAll(TAKEN, ''), 'latin1');
  });
  upstream.on('data', (text) => {
    if (upgraded && what === 'swallows') return;
    if (upgraded && what === 'delays') setTimeout(() => peer.write(text, 'latin1'), DELAY_MS);
    else peer.write(text, 'latin1');
    upgraded ||= text.startsWith('HTTP/1.1 101 ');
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
