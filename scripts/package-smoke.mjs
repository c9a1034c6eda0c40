#!/usr/bin/env node
// Packs the project, and does with the package what its users do: installs it in an empty folder with npm, pnpm and
// Yarn 1, starts the program by its name, asks whether it is healthy, runs its doctor against it, and imports the
// package by its name. Fails unless all of that works with each of the three. Then does with the package of the client what
// its users do (client-smoke/). Needs the registry.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { tryClient } from './client-smoke/client-smoke.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const runFile = promisify(execFile);
/** Nothing here takes this long, in milliseconds; what hangs is a failure. */
const TIMEOUT = 180_000;
const run = (file, args, cwd) => runFile(file, args, { cwd, env, timeout: TIMEOUT, killSignal: 'SIGKILL' });
const scratch = await mkdtemp(join(tmpdir(), 'cairn-signal-package-'));

/** What npm gives to the scripts it runs is not for the package managers below. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^CAIRN_SIGNAL_/.test(name)));

/** A package manager of npm's, which need not be installed. */
const from = (name) => ['exec', '--yes', `--package=${name}`, '--'];
// Yarn 1 takes "engines" of other packages for a ban, and packages of Nest's and NATS's ask for 22 (README.md).
const ofNode20 = process.version.startsWith('v20.') ? ['--ignore-engines'] : [];
/** What follows "npm" to install what package.json names. Yarn's own cache may hold an earlier package of this version. */
const MANAGERS = {
  npm: ['install', '--no-audit', '--no-fund'],
  pnpm: [...from('pnpm'), 'pnpm', 'install'],
  'yarn 1': [...from('yarn@1'), 'yarn', 'install', `--cache-folder=${join(scratch, 'cache')}`, ...ofNode20],
};

/** What an application does: it imports the package, and has a server of its own. */
const APPLICATION = `
  import { createApp, parseSettings } from 'cairn-signal';
  const server = await createApp(parseSettings({ listenAddr: '127.0.0.1:0' }));
  const { port } = await server.listen();
  const { status } = await fetch('http://127.0.0.1:' + port + '/health/ready');
  await server.close();
  if (status !== 200) throw new Error('/health/ready: ' + status);
`;

/** Starts the program in the folder; resolves to its address, once it listens. */
async function start(command, folder, args = []) {
  const server = spawn(command, [...args, '--listen-addr', '127.0.0.1:0'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  setTimeout(() => server.kill('SIGKILL'), TIMEOUT).unref();
  for await (const line of createInterface(server.stdout)) {
    const address = /"listening on ws:\/\/([\d.:]+)"/.exec(line)?.[1];
    if (address !== undefined) return { server, address };
  }
  throw new Error('the program ended before it listened');
}

async function tryWith(manager, tarball, peerDependencies) {
  const folder = join(scratch, manager);
  await mkdir(folder);
  const dependencies = { 'cairn-signal': `file:${tarball}`, ...peerDependencies };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, dependencies }));
  await run('npm', MANAGERS[manager], folder);

  const command = join(folder, 'node_modules/.bin/cairn-signal');
  const { server, address } = await start(command, folder);
  try {
    const { status } = await fetch(`http://${address}/health/ready`);
    if (status !== 200) throw new Error(`/health/ready: ${status}`);
    const page = await fetch(`http://${address}/check/client.js`);
    if (page.status !== 200) throw new Error(`/check/client.js: ${page.status}`);
    await run(command, ['doctor', `ws://${address}`], folder);
    await run(process.execPath, ['--input-type=module', '--eval', APPLICATION], folder);
  } finally {
    server.kill('SIGKILL');
  }
}

/** Packs a workspace, or the server. Resolves to the path of the tarball, and to the files in it. */
async function pack(...args) {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', scratch, ...args], root);
  const [{ filename, files }] = JSON.parse(stdout);
  return { tarball: join(scratch, filename), files: files.map(({ path }) => path) };
}

try {
  const { tarball, files } = await pack();
  if (files.some((path) => path.startsWith('client'))) throw new Error("the server's package contains the client");
  const client = await pack('--workspace', 'client');
  const strange = client.files.filter(
    (path) => !/^(dist\/[\w-]+\.(js|d\.ts)|docs\/[\w-]+\.md|[A-Z]+(\.md)?|package\.json)$/.test(path),
  );
  if (strange.length > 0) throw new Error(`the client's package contains ${strange.join(', ')}`);
  const { peerDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const told = (what, attempt) =>
    attempt.then(
      () => console.log(`${what}: installs, starts, relays, and can be imported`),
      (error) => {
        process.exitCode = 1;
        console.error(`${what}: ${error.message}\n${error.stdout ?? ''}`);
      },
    );
  await Promise.all([
    ...Object.keys(MANAGERS).map((manager) => told(manager, tryWith(manager, tarball, peerDependencies))),
    told('the client', tryClient(client.tarball, await mkdtemp(join(scratch, 'client-')), { run, start })),
  ]);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
