#!/usr/bin/env node
// The server with client certificates: it knows a peer by the name in its certificate, and refuses a peer without one
// or with a stranger's.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectWith, listenOn, refused, tell } from '../peers.mjs';
import { expect } from '../promised.mjs';
import { startServer } from '../server.mjs';
import { Authority } from './authority.mjs';

const [company, stranger] = await Promise.all(['company', 'stranger'].map((name) => Authority.make(name)));
const [own, alice, bob, mallory] = await Promise.all([
  company.server(),
  company.peer('alice'),
  company.peer('bob'),
  stranger.peer('alice'),
]);

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-mtls-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = (name, text) => (writeFileSync(join(folder, name), text, { mode: 0o600 }), join(folder, name));

const server = await startServer(
  [
    '--tls-cert',
    file('server.pem', own.cert),
    '--tls-key',
    file('server-key.pem', own.key),
    '--tls-client-ca',
    file('ca.pem', company.certificate),
  ],
  { RUST_LOG: 'debug' },
);
/** A peer trusts the company's authority, as the server does, and shows a certificate of its own, or none. */
const showing = (shown = {}) => ({ url: server.url, ca: company.certificate, ...shown });
const said = ({ status, sentence }) => `${status} ${sentence}`;

const peers = await Promise.all([alice, bob].map(async (shown) => (await connectWith(showing(shown))).signal));
expect(
  'alice and bob connect with their certificates',
  peers.every(({ state }) => state === 'open'),
);
for (const name of ['alice', 'bob']) {
  const { connection, principal } = await server.log.line(
    ({ msg, principal: who }) => msg === 'connected' && who === name,
  );
  expect(`the server knows connection ${connection} by the common name: ${principal}`, principal === name);
}

const [ofAlice, ofBob] = await Promise.all(peers.map((peer) => listenOn(peer, 'topic')));
await tell(ofAlice, ofBob, 'from alice');
expect('alice relays to bob', ofBob.heard.join() === 'from alice');

const without = await refused(showing());
expect(
  `without a certificate: ${said(without)}`,
  without.status === 403 && without.sentence.includes('asks for a client certificate'),
);
const other = await refused(showing(mallory));
expect(
  `with one in the name of alice, of another authority: ${said(other)}`,
  other.status === 403 && other.sentence.includes('No authority in tls-client-ca issued this client certificate'),
);

const [health] = await once(
  get(`${server.url.replace('wss:', 'https:')}/health/ready`, { ca: company.certificate, agent: false }),
  'response',
);
health.resume();
expect(`health needs no certificate: ${health.statusCode}`, health.statusCode === 200);

const [status] = await server.stop();
expect('the server stops', status === 0);
