import { execFile, execFileSync, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Namespace } from '../support/namespace.js';
import { endPrograms, Program } from '../support/program.js';
import { eventually } from '../support/until.js';

const LISTEN = '10.99.0.1:8080';
const MANAGEMENT = '127.0.0.1:9090';

/** A library that never reads: publishes, and says so on standard output. Ends with its standard input. */
const MUTE_PEER = `
  const { connect } = require('node:net');
  const { randomBytes } = require('node:crypto');
  const text = Buffer.from(JSON.stringify({ type: 'publish', topic: 't', payload: 'aGk=' }));
  const mask = Buffer.alloc(4);
  const frame = Buffer.concat([Buffer.of(0x81, 0x80 | text.length), mask, text]);
  const socket = connect(8080, '10.99.0.1');
  socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: ' + randomBytes(16).toString('base64') + '\\r\\n\\r\\n');
  socket.once('data', () => { socket.pause(); socket.write(frame, () => console.log('published')); });
  process.stdin.resume().on('end', () => process.exit());
`;

/** Network namespaces need root and the tools; CI has both. */
function namespaces(): boolean {
  if (process.env.CI === 'true') return true;
  try {
    execFileSync('unshare', ['--net', 'ip', 'link'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

// oxlint-disable-next-line jest/no-disabled-tests -- where the machine cannot
(namespaces() ? describe : describe.skip)('a dead peer that only ever sent JSON', () => {
  const opened: Namespace[] = [];
  const peers: { kill(): boolean }[] = [];
  afterEach(() => {
    endPrograms();
    for (const peer of peers) peer.kill();
    for (const namespace of opened) namespace.close();
  });

  /** Runs a shell command in a namespace. */
  const run = (namespace: Namespace, command: string): void => {
    const [file, ...rest] = [...namespace.within, 'sh', '-c', command];
    execFileSync(file, rest);
  };

  // Without the system's end of the socket, it would stay for ever: it need not answer pings (L4).
  it('L4: is kept while its system acknowledges pings, and ends when nothing acknowledges them any more', async () => {
    const [ours, theirs] = [await Namespace.open('network'), await Namespace.open('loopback')];
    opened.push(ours, theirs);
    run(ours, `ip link set veth1 netns ${theirs.path}`);
    run(theirs, 'ip address add 10.99.0.2/24 dev veth1 && ip link set veth1 up');
    // A quarter of an hour by default.
    run(ours, 'echo 3 > /proc/sys/net/ipv4/tcp_retries2');
    const times = ['--ping-interval', '200ms', '--pong-timeout', '100ms'];
    const addresses = ['--listen-addr', LISTEN, '--management-addr', MANAGEMENT];
    await new Program([...addresses, ...times], {}, undefined, ours.within).port();

    const [file, ...rest] = [...theirs.within, process.execPath, '-e', MUTE_PEER];
    const peer = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    peers.push(peer);
    await new Promise((resolve) => {
      peer.stdout.once('data', resolve);
    });

    /** A figure of the server. */
    const metric = async (name: string): Promise<number> => {
      const script = `fetch('http://${MANAGEMENT}/metrics').then((r) => r.text()).then(console.log)`;
      const [command, ...parts] = [...ours.within, process.execPath, '-e', script];
      const { stdout } = await promisify(execFile)(command, parts);
      return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stdout)![1]);
    };
    const sent = await metric('cairn_signal_sent_bytes_total');
    await eventually(
      () => metric('cairn_signal_sent_bytes_total'),
      (bytes) => bytes >= sent + 20,
    );
    expect(await metric('cairn_signal_connections')).toBe(1);
    run(theirs, 'ip link set veth1 down');
    await eventually(
      () => metric('cairn_signal_connections'),
      (connections) => connections === 0,
    );
    expect(await metric('cairn_signal_connections_opened_total')).toBe(1);
  });
});
