// The server and coturn on this machine, as "docker compose --profile turn up" runs them, without Docker.
//   node scripts/turn.mjs          until Ctrl-C, and says how to try it
//   node scripts/turn.mjs --once   asks the doctor, and ends with its exit code
// Needs coturn (Debian: apt-get install coturn) and the built server (npm run build). Both end with this script, however it
// ends.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const isOnce = process.argv.includes('--once');

/** An address of this machine that browsers use for WebRTC. Loopback is none: only the doctor gets a relay there. */
const address =
  Object.values(networkInterfaces())
    .flat()
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';

/** Ends a program when its standard input ends, and so with this script. */
const WITH_INPUT = 'exec 3<&0; "$@" 0<&- & child=$!; { cat <&3; kill $child; } >/dev/null 2>&1 & wait $child';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-turn-'));
const children = new Set();

/** Starts a program. Resolves to the first match in what it prints. */
async function start(name, words, pattern, env = {}) {
  const child = spawn('sh', ['-c', WITH_INPUT, 'sh', ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
    // Not in the group that a terminal sends Ctrl-C to: this script ends them.
    detached: true,
  });
  children.add(child);
  const said = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(line);
    const match = pattern.exec(line);
    if (match === null) continue;
    child.stdout.resume();
    child.once('exit', () => end(1, `${name} has ended`));
    return match;
  }
  throw new Error(`${name} did not start:\n${said.join('\n')}`);
}

/** A free port of this machine, for UDP too as far as one can know. */
async function freePort() {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

let ending = false;
function end(code, why) {
  if (ending) return;
  ending = true;
  if (why !== undefined) console.error(why);
  const ended = [...children].filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit'));
  for (const child of children) child.stdin.end();
  void Promise.all(ended).then(() => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(code);
  });
}

async function main() {
  if (spawnSync('sh', ['-c', 'command -v turnserver']).status !== 0) {
    throw new Error('turnserver is not installed; on Debian, as root: apt-get install coturn');
  }
  // As deploy/turn/README.md makes them.
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  const token = randomBytes(16).toString('hex');
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });

  const turnPort = await freePort();
  const coturn = [
    'sh',
    path('deploy/turn/run-coturn'),
    `--listening-ip=${address}`,
    `--relay-ip=${address}`,
    `--listening-port=${turnPort}`,
    // Its relays may reach each other, on whatever network this machine is.
    `--allowed-peer-ip=${address}`,
  ];
  await start('coturn', coturn, /SQLite DB connection success/, { TURN_SECRET_FILE: secretFile, TURN_STATE: folder });

  const urls = ['udp', 'tcp'].map((way) => `turn:${address}:${turnPort}?transport=${way}`);
  const settings = ['--listen-addr', '127.0.0.1:0', '--auth-token-file', tokenFile];
  settings.push('--turn-urls', urls.join(','), '--turn-secret-file', secretFile);
  const server = [process.execPath, path('dist/main.js'), ...settings];
  const [, port] = await start('the server', server, /listening on wss?:\/\/\S+:(\d+)/);

  console.log(`cairn-signal  ws://127.0.0.1:${port}, token ${token}
coturn        turn:${address}:${turnPort}, udp and tcp, secret in ${secretFile}

Check page    http://127.0.0.1:${port}/check  (step 10: "A relay is reached")
Doctor        node dist/main.js doctor ws://127.0.0.1:${port} --token-file ${tokenFile}
Credentials   curl -H 'Authorization: Bearer ${token}' http://127.0.0.1:${port}/ice
`);
  if (!isOnce) {
    console.log('Ctrl-C ends both.');
    return;
  }
  const doctor = [path('dist/main.js'), 'doctor', `ws://127.0.0.1:${port}`, '--token-file', tokenFile];
  const { stdout, status } = spawnSync(process.execPath, doctor, { encoding: 'utf8' });
  process.stdout.write(stdout);
  // The doctor takes a server without TURN servers for none that failed.
  const relayed = /\n {2}ok +ice +turn:.*relays at/.test(stdout);
  end(relayed ? status : 1, relayed ? undefined : 'the doctor got no relay');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(0));
main().catch((error) => end(1, error.message));
