#!/usr/bin/env node
// The server in a SPIFFE trust domain: it knows a workload by its SPIFFE ID, across the renewals of its SVID, ends the
// connection of an SVID that expires or is revoked, and refuses another trust domain.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../mtls/authority.mjs';
import { connectWith, listenOn, refused, tell } from '../peers.mjs';
import { expect } from '../promised.mjs';
import { startServer } from '../server.mjs';
import { TrustDomain } from './trust-domain.mjs';

const [domain, stranger, web] = await Promise.all([
  TrustDomain.make('example.org'),
  TrustDomain.make('example.com'),
  Authority.make('web'),
]);
const own = await web.server();

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-spiffe-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
/** Writes a file in one step, so that the server never reads a half of it. */
const file = (name, text) => {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return path;
};

const server = await startServer(
  [
    '--tls-cert',
    file('server.pem', own.cert),
    '--tls-key',
    file('server-key.pem', own.key),
    '--tls-client-ca',
    file('bundle.pem', domain.bundle),
    '--tls-client-crl',
    file('revoked.crl', await domain.revoke()),
    '--tls-client-principal',
    'uri',
  ],
  { RUST_LOG: 'debug' },
);
const showing = (svid) => ({ url: server.url, ca: web.certificate, ...svid });
let looked = 0;
/** The principal of the peer that connected last. */
const principal = async () => {
  const { connection, principal: who } = await server.log.line(
    ({ msg, connection: id }) => msg === 'connected' && id > looked,
  );
  looked = connection;
  return who;
};

const BACKEND = 'spiffe://example.org/ns/shop/sa/backend';
const first = await connectWith(showing(await domain.svid('/ns/shop/sa/backend')));
expect(`the server knows the workload by its SPIFFE ID: ${BACKEND}`, (await principal()) === BACKEND);
const renewed = await domain.svid('/ns/shop/sa/backend');
const second = await connectWith(showing(renewed));
expect('with the next SVID, of another key, it is the same principal', (await principal()) === BACKEND);

const [ofFirst, ofSecond] = await Promise.all([first, second].map(({ signal }) => listenOn(signal, 'topic')));
await tell(ofFirst, ofSecond, 'from backend');
expect('both connections relay', ofSecond.heard.join() === 'from backend');

const other = await refused(showing(await stranger.svid('/ns/shop/sa/backend')));
expect(
  `another trust domain: ${other.status} ${other.sentence}`,
  other.status === 403 && other.sentence.includes('No authority in tls-client-ca'),
);
const invalid = await refused(showing(await domain.svid('/ns//backend')));
expect(`a SPIFFE ID that is none: ${invalid.status} ${invalid.sentence}`, invalid.status === 403);

const short = await connectWith(showing(await domain.svid('/ns/shop/sa/job', 2000)));
const expired = await short.ended;
expect(`an SVID that is not renewed: ${expired.code} ${expired.reason}`, expired.code === 4001);

file('revoked.crl', await domain.revoke(renewed));
const revoked = await second.ended;
expect(`an SVID that is revoked: ${revoked.code} ${revoked.reason}`, revoked.code === 4001);
expect('the other connection of that workload stays', first.signal.state === 'open');

const [status] = await server.stop();
expect('the server stops', status === 0);
