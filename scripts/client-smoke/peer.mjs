// A fresh script of Node with the client: node peer.mjs URL TOKEN SECRET [ws]
// Meets the other one who has the secret, says which Node it runs on, and prints what it hears. With "ws" it uses that
// package's WebSocket, otherwise Node's own. Ends when its standard input does.
import { connect } from 'cairn-signal-client';
import { connectPeer } from 'cairn-signal-client/rtc';
import { RTCPeerConnection } from 'werift';
import { WebSocket } from 'ws';

const [url, token, secret, ws] = process.argv.slice(2);
process.stdin.resume().on('end', () => process.exit());

const signal = connect(url, { token, ...(ws && { WebSocket }) });
const { channel } = await connectPeer(signal, { secret: Buffer.from(secret, 'hex'), RTCPeerConnection });
channel.addEventListener('message', ({ data }) => console.log(data));
channel.send(`hello from Node ${process.version}`);
