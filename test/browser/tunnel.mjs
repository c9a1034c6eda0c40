// A way out of a network namespace, to one server: node tunnel.mjs SOCKET
// Listens on a port of loopback in here, prints it, and passes what comes on to a Unix socket, which namespaces do not
// keep apart.
import { connect, createServer } from 'node:net';

const [socket] = process.argv.slice(2);

const server = createServer((near) => {
  const far = connect(socket);
  near.on('error', () => {}).on('close', () => far.destroy());
  far.on('error', () => {}).on('close', () => near.destroy());
  near.pipe(far).pipe(near);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
