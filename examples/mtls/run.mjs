#!/usr/bin/env node
// The server with certificates of its peers: who shows one is known by its name, who shows none, or a stranger's, is told so.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, expect, heard, relay, settled, startServer, subscribe } from '../peer.mjs';
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
const connectAs = (shown = {}) => connect(server.url, { ca: company.certificate, ...shown });
const said = ({ status, text }) => `${status} ${text}`;

const peers = [await connectAs(alice), await connectAs(bob)];
expect(
  'alice and bob connect with their certificates',
  peers.every(({ readyState, OPEN }) => readyState === OPEN),
);
for (const name of ['alice', 'bob']) {
  const { connection, principal } = await server.log.line(
    ({ msg, principal: who }) => msg === 'connected' && who === name,
  );
  expect(`the server knows connection ${connection} by the common name: ${principal}`, principal === name);
}

const received = heard(peers[1]);
subscribe(peers[1], 'topic');
await settled(peers[1]);
relay(peers[0], 'topic', 'from alice');
await settled(peers[0]);
await settled(peers[1]);
expect('alice relays to bob', received.join() === 'from alice');

const without = await connectAs();
expect(
  `without a certificate: ${said(without)}`,
  without.status === 403 && without.text.includes('asks for a client certificate'),
);
const other = await connectAs(mallory);
expect(
  `with one in the name of alice, of another authority: ${said(other)}`,
  other.status === 403 && other.text.includes('is of no authority in tls-client-ca'),
);

const [health] = await once(
  get(`${server.url.replace('wss:', 'https:')}/health/ready`, { ca: company.certificate, agent: false }),
  'response',
);
health.resume();
expect(`health needs none: ${health.statusCode}`, health.statusCode === 200);

const [status] = await server.stop();
expect('the server ends', status === 0);
