// A proxy as they should not be, in front of a server on loopback: node proxy.mjs PORT HOW
//   strips     the Upgrade and Connection headers of requests
//   withholds  the Authorization header of requests
//   forgets    the subprotocols that are offered
//   downgrades every offer of cairn-signal.v2, as an older server does
//   mixes      downgrades every other offer, as a cluster of an older and a newer server does
//   swallows   what follows the handshake of a WebSocket, in both directions
//   delays     what the server sends over a WebSocket
// Prints the port it listens on.
import { connect, createServer } from 'node:net';

const [port, what] = process.argv.slice(2);
/** Headers that are taken out of requests. */
const TAKEN = {
  strips: /\r\n(?:Upgrade|Connection): [^\r]*/gi,
  withholds: /\r\nAuthorization: [^\r]*/gi,
  forgets: /\r\nSec-WebSocket-Protocol: [^\r]*/gi,
  downgrades: /cairn-signal\.v2, /g,
  mixes: /cairn-signal\.v2, /g,
}[what];
const DELAY_MS = 400;
let offers = 0;

/** @param {string} text */
function alter(text) {
  if (TAKEN === undefined) return text;
  if (what === 'mixes' && text.includes('cairn-signal.v2, ') && (offers += 1) % 2 === 0) return text;
  return text.replaceAll(TAKEN, '');
}

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
    upstream.write(upgraded ? text : alter(text), 'latin1');
  });
  upstream.on('data', (text) => {
    if (upgraded && what === 'swallows') return;
    if (upgraded && what === 'delays') setTimeout(() => peer.write(text, 'latin1'), DELAY_MS);
    else peer.write(text, 'latin1');
    upgraded ||= text.startsWith('HTTP/1.1 101 ');
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
