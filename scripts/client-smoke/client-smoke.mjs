/**
 * What users do with the package of the client, in a folder of its own: an application in TypeScript, scripts of Node,
 * and a page that Vite builds.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const root = here('../..');
const TOKEN = 'token-of-the-smoke-test';
const newSecret = () => randomBytes(32).toString('hex');

/** Versions of Node with a WebSocket of their own. */
const NODES = ['22', '24'];

/** Builds the page, and serves it on a free port, which it prints. */
const VITE = `
  import { build, preview } from 'vite';
  await build({ logLevel: 'warn' });
  const { resolvedUrls } = await preview({ preview: { host: '127.0.0.1', port: 0 } });
  console.log(resolvedUrls.local[0]);
  process.stdin.resume().on('end', () => process.exit());
`;

/** The snippet that the README begins with, after what it takes for granted, and before two pages say hello. */
const page = (snippet, address) => `
  const [name, digits] = location.hash.slice(1).split('/');
  const secret = Uint8Array.from(digits.match(/../g)!, (each) => parseInt(each, 16));
  const fetchToken = async () => '${TOKEN}';
  ${snippet.replace('wss://signal.example.com', `ws://${address}`)}
  channel.addEventListener('message', ({ data }) => (document.title = data));
  channel.send('hello from ' + name);
`;

/** A separate browser without a network but loopback, where candidates are addresses, not names of mDNS. */
const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/**
 * Installs the tarball in the folder, and tries it. `run` runs a program in a folder until it ends, and `start` the
 * server. Rejects with what failed.
 */
export async function tryClient(tarball, folder, { run, start }) {
  const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const dependencies = {
    'cairn-signal-client': `file:${tarball}`,
    vite: '^8',
    werift: devDependencies.werift,
    // For Node 20, which has no WebSocket.
    ws: '^8',
  };
  const fresh = { name: 'fresh', private: true, type: 'module', dependencies };
  await writeFile(join(folder, 'package.json'), JSON.stringify(fresh));
  await run('npm', ['install', '--no-audit', '--no-fund'], folder);
  await tryTypes(folder, run);
  const main = [join(root, 'dist/main.js'), '--auth-token', TOKEN];
  const { server, address } = await start(process.execPath, folder, main);
  try {
    await tryNode(folder, run, address);
    await tryPage(folder, run, address);
  } finally {
    server.kill('SIGKILL');
  }
}

/** The types of all exports are found, in both ways that are in use. */
async function tryTypes(folder, run) {
  const source = await readFile(here('exports.ts'), 'utf8');
  for (const name of ['index', 'rtc', 'cairn']) {
    const types = await readFile(join(folder, `node_modules/cairn-signal-client/dist/${name}.d.ts`), 'utf8');
    const exported =
      /^export (?:(?:type )?\{ (.*) \}|(?:declare )?(?:async )?(?:function\*?|class|interface|type) (\w+))/gm;
    const names = [...types.matchAll(exported)].flatMap(([, list, one]) => list?.split(', ') ?? one);
    const unused = names.filter((each) => !new RegExp(`\\b${each}\\b`).test(source));
    if (names.length === 0) throw new Error(`no exports are found in ${name}.d.ts`);
    if (unused.length > 0) throw new Error(`exports.ts does not use ${unused.join(', ')}`);
  }
  await copyFile(here('exports.ts'), join(folder, 'exports.ts'));
  const ways = { esnext: 'bundler', nodenext: 'nodenext' };
  for (const [module, moduleResolution] of Object.entries(ways)) {
    const compilerOptions = { target: 'es2022', module, moduleResolution, strict: true, noEmit: true, types: [] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['exports.ts'] }));
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--project', folder], folder);
  }
}

/** Two scripts say hello to each other: on this Node by `ws`, and on newer ones by their own WebSocket. */
async function tryNode(folder, run, address) {
  await copyFile(here('peer.mjs'), join(folder, 'peer.mjs'));
  const nodes = [{ node: process.execPath, version: process.version, more: ['ws'] }];
  for (const version of NODES) {
    const which = ['exec', '--yes', `--package=node@${version}`, '--', 'node', '--print', 'process.execPath'];
    const { stdout } = await run('npm', which, folder);
    nodes.push({ node: stdout.trim(), version: `v${version}.`, more: [] });
  }
  for (const { node, version, more } of nodes) {
    const args = ['peer.mjs', `ws://${address}`, TOKEN, newSecret(), ...more];
    const peers = [0, 1].map(() => begin(node, args, folder));
    for (const heard of await Promise.all(peers.map(firstLine))) {
      if (!heard?.startsWith(`hello from Node ${version}`)) throw new Error(`on Node ${version}: ${heard}`);
    }
    for (const peer of peers) peer.stdin.end();
  }
}

/** Two pages of Chromium that Vite has built say hello to each other. */
async function tryPage(folder, run, address) {
  const chromiumPath = await run('sh', ['-c', 'command -v chromium'], folder).catch(() => undefined);
  if (!chromiumPath) {
    if (process.env.CI === 'true') throw new Error('the page needs chromium');
    console.log('the page of the client was not tried: it needs chromium (on Debian: apt-get install chromium)');
    return;
  }
  const readme = await readFile(join(folder, 'node_modules/cairn-signal-client/README.md'), 'utf8');
  const [, snippet] = /```ts\n([^]*?)```/.exec(readme);
  await copyFile(here('index.html'), join(folder, 'index.html'));
  await writeFile(join(folder, 'main.ts'), page(snippet, address));
  const vite = begin(process.execPath, ['--input-type=module', '--eval', VITE], folder);
  const url = await firstLine(vite);
  const browser = await chromium.launch({ executablePath: chromiumPath.stdout.trim(), args: FLAGS });
  try {
    const secret = newSecret();
    const names = ['one', 'other'];
    await Promise.all(
      names.map(async (name, i) => {
        const window = await browser.newPage();
        await window.goto(`${url}#${name}/${secret}`);
        await window.waitForFunction((title) => document.title === title, `hello from ${names[1 - i]}`);
      }),
    );
  } finally {
    await browser.close();
    vite.stdin.end();
  }
}

/** Starts a program that ends when its standard input does. */
function begin(file, args, cwd) {
  const child = spawn(file, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  setTimeout(() => child.kill('SIGKILL'), 120_000).unref();
  return child;
}

/** The first line that a program prints; undefined if it ends without one. */
async function firstLine(child) {
  for await (const line of createInterface(child.stdout)) return line;
}
