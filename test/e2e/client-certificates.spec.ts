import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { SecureVersion } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '../../src/config/settings.js';
import type { RefusalReason } from '../../src/protocol/refusal-reasons.js';
import { RefusalCounts } from '../../src/metrics/refusal-counts.js';
import { makeCertificates, makeChain } from '../support/certificates.js';
import type { Certificates, Chain } from '../support/certificates.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { HANDSHAKE } from '../support/raw-http.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

let server: Certificates;
let alice: Chain;
let folder: string;
let authorities: string;

beforeAll(async () => {
  [server, alice] = await Promise.all([makeCertificates(), makeChain({ host: 'alice' })]);
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-mtls-'));
  authorities = join(folder, 'authorities.pem');
});
afterEach(stopServers);
afterAll(() => {
  server.remove();
  rmSync(folder, { recursive: true });
});

/** A server that requires certificates of alice's CA. */
function start(input: SettingsInput = {}): Promise<RunningServer> {
  writeFileSync(authorities, alice.ca);
  return startServer(
    { tlsCert: server.chain, tlsKey: server.key, tlsClientCa: authorities, ...input },
    'trace',
    new SettlingClock(),
  );
}

/** A peer that shows its certificate and the intermediate one. */
const showing = (chain: Chain, certificate = chain.server): PeerOptions => ({
  ca: server.ca,
  cert: certificate + chain.intermediate,
  key: chain.key,
});
const refusals = (running: RunningServer): RefusalCounts => running.server.app.get(RefusalCounts, { strict: false });

describe('tls-client-ca', () => {
  it('A10: lets in a peer with a certificate of that CA, and names it by the common name', async () => {
    const running = await start();
    await Peer.connect(running.url, showing(alice));
    expect([...running.connections].map(({ principal, source }) => [principal, source])).toEqual([
      ['alice', 'principal alice'],
    ]);
  });

  it.each([
    ['the principal of a JWT', 'https://id.example.com|alice'],
    ['of control characters', 'alice\u0007'],
    ['that turns the line of a log around', 'ali\u202Ece'],
    ['too long', `a${'l'.repeat(255)}`],
  ])('A10: uses the fingerprint instead of a common name that is %s', async (_what, host) => {
    const odd = await makeChain({ host });
    const running = await start();
    writeFileSync(authorities, odd.ca);
    await running.server.reload();
    await Peer.connect(running.url, showing(odd));
    expect([...running.connections].map(({ principal }) => principal)).toEqual([
      new X509Certificate(odd.server).fingerprint256,
    ]);
  });

  it('A10: refuses a peer without a certificate, before there is a WebSocket', async () => {
    const running = await start();
    const refused = await Peer.refused(running.url, { ca: server.ca });
    expect([refused.status, refused.body]).toEqual([
      403,
      'This server asks for a client certificate; the setting is tls-client-ca.\n',
    ]);
    expect(refusals(running).of('certificate_missing')).toBe(1);
  });

  it('A14: says what is wrong with a certificate: expired, of another authority, self-signed, without its chain', async () => {
    const [expired, stranger] = await Promise.all([
      makeChain({ host: 'alice', expiresIn: -1000 }),
      makeChain({ host: 'mallory' }),
    ]);
    const wrong: readonly (readonly [PeerOptions, RefusalReason, string, string])[] = [
      [showing(expired), 'certificate_expired', 'CERT_HAS_EXPIRED', 'This client certificate has expired.'],
      [
        showing(stranger),
        'certificate_authority',
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        'No authority in tls-client-ca issued this client certificate.',
      ],
      [
        showing(alice, alice.selfSigned),
        'certificate_authority',
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        'No authority in tls-client-ca issued this client certificate: it is self-signed.',
      ],
      [
        { ...showing(alice), cert: alice.server },
        'certificate_incomplete',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'No authority in tls-client-ca issued this client certificate directly, and it came without an intermediate ' +
          'certificate. Send the whole chain.',
      ],
    ];
    for (const [options, reason, why, sentence] of wrong) {
      const running = await start();
      writeFileSync(authorities, alice.ca + expired.ca);
      await running.server.reload();
      const refused = await Peer.refused(running.url, options);
      expect([refused.status, refused.body]).toEqual([403, `${sentence}\n`]);
      expect(refusals(running).of(reason)).toBe(1);
      expect(running.log.find(({ msg }) => msg === 'refused an upgrade')).toMatchObject({ reason, why });
    }
  });

  it('A10: also asks for a token if one is set; then the token says who the peer is', async () => {
    const running = await start({ authToken: 's3cret' });
    expect((await Peer.refused(running.url, showing(alice))).status).toBe(401);
    expect(
      (await Peer.refused(running.url, { ca: server.ca, headers: { Authorization: 'Bearer s3cret' } })).status,
    ).toBe(403);
    await Peer.connect(running.url, { ...showing(alice), headers: { Authorization: 'Bearer s3cret' } });
    expect([...running.connections].map(({ principal }) => principal)).toEqual(['alice']);
  });

  it('A10: is reloaded for newcomers; with tls-client-expiry-closes off, connections stay', async () => {
    const bob = await makeChain({ host: 'bob' });
    const running = await start({ tlsClientExpiryCloses: 'off' });
    const before = await Peer.connect(running.url, showing(alice));
    expect((await Peer.refused(running.url, showing(bob))).status).toBe(403);
    writeFileSync(authorities, bob.ca);
    await running.server.reload();
    await Peer.connect(running.url, showing(bob));
    expect((await Peer.refused(running.url, showing(alice))).status).toBe(403);
    expect(before.socket.readyState).toBe(before.socket.OPEN);
  });

  it('A10: health needs no certificate', async () => {
    const running = await start();
    const { request } = await import('node:https');
    const status = await new Promise((resolve, reject) => {
      request(`${running.http}/health/ready`, { ca: server.ca, agent: false }, (response) =>
        resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it('A10: a file with a truncated certificate stops the start', async () => {
    writeFileSync(authorities, `${alice.ca}${alice.ca.slice(0, 200)}\n`);
    await expect(startServer({ tlsCert: server.chain, tlsKey: server.key, tlsClientCa: authorities })).rejects.toThrow(
      'not a PEM certificate',
    );
  });

  it('A10: a file without a certificate stops the start, and the message names it', async () => {
    await expect(
      startServer({ tlsCert: server.chain, tlsKey: server.key, tlsClientCa: server.garbage }),
    ).rejects.toThrow(`tls-client-ca ${JSON.stringify(server.garbage)}: not a PEM certificate`);
  });
});

/** How the first bytes of a client are cut into segments. */
const CUTS = {
  'in one segment': (bytes: Buffer) => [bytes],
  'a byte at a time': (bytes: Buffer) => [...bytes].map((byte) => Buffer.of(byte)),
};

/** A TCP connection whose first bytes are a header, and whatever is written first. */
function beginning(port: number, header: string, cut: (bytes: Buffer) => Buffer[]): Duplex {
  const tcp = connect(port, '127.0.0.1').setNoDelay();
  let first = true;
  const ends = new Duplex({
    read: () => void tcp.resume(),
    write(chunk: Buffer, _encoding, done) {
      for (const piece of first ? cut(Buffer.concat([Buffer.from(header), chunk])) : [chunk]) tcp.write(piece);
      first = false;
      done();
    },
    destroy(error, done) {
      tcp.destroy();
      done(error);
    },
  });
  tcp.on('data', (chunk) => ends.push(chunk));
  tcp.on('close', () => ends.destroy());
  tcp.on('error', () => undefined);
  return ends;
}

/** The answer to an upgrade that follows the TLS handshake, or goes out with the end of it: its first line. */
function upgrade(
  socket: Duplex,
  withHandshake: boolean,
  options: PeerOptions,
  version: SecureVersion,
): Promise<string> {
  const { ca, cert, key } = options as Record<string, string>;
  const tls = connectTls({ socket, ca, cert, key, servername: 'localhost', minVersion: version, maxVersion: version });
  if (withHandshake) tls.write(HANDSHAKE);
  else tls.once('secureConnect', () => tls.write(HANDSHAKE));
  return new Promise((resolve) => {
    tls.once('data', (answer: Buffer) => resolve(answer.toString('latin1').split('\r\n')[0]));
    tls.once('error', ({ message }) => resolve(message));
    socket.once('close', () => resolve('closed without an answer'));
  });
}

describe.each([
  ['without a PROXY header', ''],
  ['after a PROXY header', 'PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n'],
])('a client certificate %s', (_where, header) => {
  // Its authority has the name of alice's, but not its key. So OpenSSL finds an issuer, and a signature that is wrong.
  let stranger: Chain;
  let expired: Chain;
  beforeAll(async () => {
    [stranger, expired] = await Promise.all([
      makeChain({ host: 'mallory' }),
      makeChain({ host: 'alice', expiresIn: -1000 }),
    ]);
  });

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s', (version) => {
    it.each(
      (Object.keys(CUTS) as (keyof typeof CUTS)[]).flatMap((cut) => [
        [cut, 'after the handshake', false] as const,
        [cut, 'with the end of the handshake', true] as const,
      ]),
    )('A10: is answered, whatever it is: hello %s, request %s', async (cut, _when, withHandshake) => {
      const behind: SettingsInput = header === '' ? {} : { proxyProtocol: 'on', trustedProxies: '127.0.0.1' };
      const running = await start({ ...behind, drainTimeout: '0s' });
      writeFileSync(authorities, alice.ca + expired.ca);
      await running.server.reload();
      const answerTo = (options: PeerOptions): Promise<string> =>
        upgrade(beginning(running.port, header, CUTS[cut]), withHandshake, options, version);
      expect({
        right: await answerTo(showing(alice)),
        none: await answerTo({ ca: server.ca }),
        stranger: await answerTo(showing(stranger)),
        expired: await answerTo(showing(expired)),
        selfSigned: await answerTo(showing(alice, alice.selfSigned)),
      }).toEqual({
        right: 'HTTP/1.1 101 Switching Protocols',
        none: 'HTTP/1.1 403 Forbidden',
        stranger: 'HTTP/1.1 403 Forbidden',
        expired: 'HTTP/1.1 403 Forbidden',
        selfSigned: 'HTTP/1.1 403 Forbidden',
      });
    });
  });
});
