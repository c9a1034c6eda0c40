#!/usr/bin/env node
// Runs the image of an OCI layout in every way that our documents show: scripts/image-smoke starts it, in network and
// mount namespaces of its own.
//   smoke.mjs WORK     a folder with a layout for each architecture, amd64 and arm64
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { connect } from 'cairn-signal-client';
import { WebSocket } from 'ws';
import { parse } from 'yaml';
import { BASE_CONFIG } from './base.mjs';
import { Container, statusOf, writableMounts } from './container.mjs';
import { documentedRuns, readRun, runOfService } from './docker-run.mjs';
import { configOf, readDockerfile } from './dockerfile.mjs';
import { ARCHITECTURES, NATIVE } from '../package-inputs.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [work] = process.argv.slice(2);
const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** The user of the image, by number. */
const USER = 65532;
const HEALTHY_MS = 120_000;
const DOT_ENV = { CAIRN_SIGNAL_AUTH_TOKEN: 'token-of-the-smoke' };

const host = hostFiles();
/** A WebSocket that trusts the certificate of the smoke. */
class Trusting extends WebSocket {
  constructor(url, protocols, options) {
    super(url, protocols, { ...options, ca });
  }
}
const ca = readFileSync(join(host, 'path/to/certs/fullchain.pem'), 'utf8');
const image = unpack(NATIVE);

/** What an operator copies lines from. */
const documents = readdirSync(ROOT)
  .filter((name) => !['.git', 'dist', 'node_modules', 'src', 'test'].includes(name))
  .flatMap((name) =>
    statSync(join(ROOT, name)).isDirectory()
      ? readdirSync(join(ROOT, name), { recursive: true }).map((path) => join(name, path))
      : [name],
  )
  .filter((path) => /\.(?:md|ya?ml|example)$/.test(path) && !path.includes('node_modules'));
const lines = documents.flatMap((file) =>
  documentedRuns(read(file)).map(({ line, words }) => ({ what: `${file}:${line}`, words })),
);
assert.ok(
  lines.filter(({ what }) => what.startsWith('README.md')).length >= 2,
  'the README shows two docker run lines',
);

const compose = parse(read('compose.yaml')).services['cairn-signal'];
const tls = '-e CAIRN_SIGNAL_TLS_CERT=/certs/fullchain.pem -e CAIRN_SIGNAL_TLS_KEY=/certs/key.pem -v ./certs:/certs:ro';
const production =
  '-p 443:443 -v ./certs:/certs:ro -v ./tokens:/run/secrets/cairn-signal-tokens:ro cairn-signal --config config/production.yaml';
const runs = [
  ...lines,
  { what: 'compose.yaml', words: runOfService(compose, DOT_ENV) },
  {
    what: 'flags, IPv6 and TLS',
    words:
      `-v ./certs:/certs:ro cairn-signal --listen-addr [::1]:9443 --tls-cert /certs/fullchain.pem --tls-key=/certs/key.pem`.split(
        ' ',
      ),
  },
  {
    what: 'every address of both kinds',
    words: `-p 443:8443 -e CAIRN_SIGNAL_LISTEN_ADDR=[::]:8443 ${tls} cairn-signal`.split(' '),
  },
  { what: 'config/production.yaml', words: production.split(' '), token: DOT_ENV.CAIRN_SIGNAL_AUTH_TOKEN },
];

for (const { what, words, token } of runs) {
  await timed(`${what}: docker run ${words.join(' ')}`, () => verify(readRun(words), token));
}
await timed('the other architecture, emulated', emulated);

/** Says what it does, and how long that took. */
async function timed(what, act) {
  const began = performance.now();
  try {
    await act();
  } catch (error) {
    console.error(what);
    throw error;
  }
  console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${what}`);
}

/** The image for the other architecture serves, relays and stops too. On an emulator that takes its time. */
async function emulated() {
  const other = unpack(Object.keys(ARCHITECTURES).find((arch) => arch !== NATIVE));
  const emulator = { amd64: 'qemu-aarch64-static', arm64: 'qemu-x86_64-static' }[NATIVE];
  cpSync(join('/usr/bin', emulator), join(host, 'emulator'));
  other.process.args.unshift('/emulator');
  const listen = 'CAIRN_SIGNAL_LISTEN_ADDR=0.0.0.0:8080';
  const run = readRun(['-p', '8080:8080', '-e', listen, '-v', '/emulator:/emulator:ro', 'cairn-signal']);
  const container = await Container.start(other, run, work, host);
  try {
    const url = 'ws://127.0.0.1:8080';
    await eventually(container, async () => {
      const output = await healthOf(url).catch((error) => error.message);
      return { status: output === 200 ? 0 : 1, output };
    });
    await relay(url);
    assert.equal(await container.stop(), 0);
  } catch (error) {
    console.error(container.output);
    throw error;
  } finally {
    container.close();
  }
}

/** Runs one line, and everything that must hold for its container. */
async function verify(run, token) {
  for (const file of run.envFiles) Object.assign(run.env, parseEnv(readFileSync(join(host, file), 'utf8')));
  const shown = token ?? run.env.CAIRN_SIGNAL_AUTH_TOKEN;
  const url = urlOf(run);
  const container = await Container.start(image, run, work, host);
  url.outside = url.outside?.replace('CONTAINER', container.address);
  try {
    await eventually(container, () => container.exec(...image.config.Healthcheck.Test.slice(1)));
    const healthcheck = container.exec('cairn-signal', 'healthcheck');
    assert.equal(healthcheck.status, 0, healthcheck.output);
    confined(container);

    const examined = container.exec('cairn-signal', 'doctor', url.inside, ...trust(url, shown));
    assert.equal(examined.status, 0, examined.output);
    let closed = Promise.resolve([1001]);
    if (url.outside !== undefined) {
      assert.equal(await healthOf(url.outside), 200, `${url.outside} is not healthy`);
      await relay(url.outside, shown);
      closed = once(await open(url.outside, shown), 'close');
    }
    assert.deepEqual(readdirSync(`/proc/${container.pid}/root/dev/shm`), [], 'it has written into memory');
    if (run.memory !== undefined) fits(container, run);

    const code = await container.stop();
    assert.equal(code, 0, `it ended with ${code}`);
    assert.equal((await closed)[0], 1001, 'it does not drain');
  } catch (error) {
    console.error(container.output);
    throw error;
  } finally {
    container.close();
  }
}

/** Waits until the health check succeeds, as Docker does. */
async function eventually(container, check) {
  const until = Date.now() + HEALTHY_MS;
  for (;;) {
    const { status, output } = await check();
    if (status === 0) return;
    if (container.hasEnded || Date.now() > until) throw new Error(`it does not become healthy: ${output}`);
    await sleep(100);
  }
}

/** It runs as its user, with no privilege, and can write nowhere. */
function confined(container) {
  const { pid } = container;
  const { Uid, Gid, CapEff, CapPrm, CapBnd, NoNewPrivs } = statusOf(pid);
  assert.deepEqual([Uid, Gid], Array(2).fill(Array(4).fill(USER).join('\t')), 'it runs as another user');
  assert.deepEqual(
    [CapEff, CapPrm, CapBnd].map((set) => Number.parseInt(set, 16)),
    [0, 0, 0],
    'it has capabilities',
  );
  assert.equal(NoNewPrivs, '1');
  assert.deepEqual(writableMounts(pid), ['/proc', '/dev', '/dev/shm'], 'it could write elsewhere');
  const tried = container.exec(
    '/nodejs/bin/node',
    '-e',
    `
    const { accessSync, writeFileSync } = require('node:fs');
    accessSync('config/production.yaml');
    for (const folder of ['/', '/app', '/app/config', '/certs', '/dev', '/etc', '/tmp', '/usr/local/bin']) {
      try { writeFileSync(folder + '/x', ''); } catch { continue; }
      throw new Error('wrote into ' + folder);
    }`,
  );
  assert.equal(tried.status, 0, tried.output);
}

/** The URLs of a server: as it reaches itself, and as others reach it, if they do. */
function urlOf({ args, env, ports }) {
  const said = (flag, variable) => {
    const at = args.findIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
    return at < 0 ? env[variable] : (args[at].split('=')[1] ?? args[at + 1]);
  };
  const file = said('--config', 'CAIRN_SIGNAL_CONFIG') === undefined ? {} : parse(read('config/production.yaml'));
  const address = said('--listen-addr', 'CAIRN_SIGNAL_LISTEN_ADDR') ?? file.listenAddr ?? '0.0.0.0:443';
  const secure = (said('--tls-cert', 'CAIRN_SIGNAL_TLS_CERT') ?? file.tlsCert) !== undefined;
  const [, at, port] = /^(.*):(\d+)$/.exec(address);
  const scheme = secure ? 'wss' : 'ws';
  const inside = `${scheme}://${{ '0.0.0.0': '127.0.0.1', '[::]': '127.0.0.1' }[at] ?? at}:${port}`;
  if (at === '[::1]' || at === '127.0.0.1') return { secure, inside };
  if (ports.length === 0) return { secure, inside, outside: `${scheme}://CONTAINER:${port}` };
  const published = ports.find(({ container }) => container === Number(port));
  assert.ok(published, `nothing publishes port ${port}, where the server listens`);
  return { secure, inside, outside: `${scheme}://127.0.0.1:${published.host}` };
}

/** What the doctor needs to know. */
function trust({ secure }, token) {
  return [...(secure ? ['--ca', '/certs/fullchain.pem'] : []), ...(token === undefined ? [] : ['--token', token])];
}

async function healthOf(url) {
  const request = url.startsWith('wss') ? requestTls : requestPlain;
  const asked = request(`${url.replace('ws', 'http')}/health/ready`, { ca, agent: false });
  asked.end();
  const [response] = await once(asked, 'response');
  response.resume();
  return response.statusCode;
}

/** Two peers meet, and one says something to the other. */
async function relay(url, token) {
  const peers = [1, 2].map(() => connect(url, { token, WebSocket: Trusting }));
  try {
    const said = crypto.getRandomValues(new Uint8Array(64));
    const [from, to] = peers.map((peer) => peer.join('the smoke'));
    await to.ready;
    const heard = new Promise((resolve) => to.addEventListener('message', resolve));
    assert.equal(await from.send(said), 1);
    assert.deepEqual(new Uint8Array((await heard).payload), said);
  } finally {
    for (const peer of peers) peer.close();
  }
}

/** A peer that says nothing. */
async function open(url, token) {
  const peer = new Trusting(url, [], token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  await once(peer, 'open');
  return peer;
}

/** The heap that was asked for is the one that Node takes, and leaves room in the container's memory. */
function fits(container, { memory }) {
  const asked = Number(/--max-old-space-size=(\d+)/.exec(container.variables.NODE_OPTIONS)[1]) * 2 ** 20;
  const { output } = container.exec('/nodejs/bin/node', '-p', 'v8.getHeapStatistics().heap_size_limit');
  assert.ok(Number(output) >= asked && Number(output) < memory, `a heap of ${output.trim()} bytes in ${memory}`);
}

/** The image for a runtime, by umoci, once its configuration is the Dockerfile's. */
function unpack(arch) {
  const layout = join(work, arch);
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const blob = ({ digest }) => JSON.parse(readFileSync(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));
  const { config } = blob(blob(index.manifests[0]).config);
  assert.deepEqual(config, configOf(readDockerfile(read('Dockerfile')).at(-1), BASE_CONFIG));
  const bundle = join(work, `bundle-${arch}`);
  execFileSync('umoci', ['unpack', '--image', `${layout}:latest`, bundle], { stdio: ['ignore', 'ignore', 'inherit'] });
  const { process: started } = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
  return { rootfs: join(bundle, 'rootfs'), process: started, config };
}

/** What the machine of an operator has, as the documents name it, in a folder that stands for its root. */
function hostFiles() {
  const root = join(work, 'host');
  const put = (path, content) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    // As README.md asks for: the user of the image can read it.
    chownSync(join(root, path), USER, USER);
    chmodSync(join(root, path), 0o400);
  };
  const [key, chain] = ['key.pem', 'fullchain.pem'].map((name) => join(work, name));
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=localhost';
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';
  const files = ['-addext', names, '-keyout', key, '-out', chain];
  execFileSync('openssl', [...request.split(' '), ...files], { stdio: ['ignore', 'ignore', 'ignore'] });
  for (const folder of ['path/to/certs', 'certs']) {
    put(`${folder}/fullchain.pem`, readFileSync(chain));
    put(`${folder}/key.pem`, readFileSync(key));
  }
  put('turn/secret', 'secret-of-the-smoke\n');
  put('tokens', `${DOT_ENV.CAIRN_SIGNAL_AUTH_TOKEN}\n`);
  put('.env', read('.env.example'));
  return root;
}
