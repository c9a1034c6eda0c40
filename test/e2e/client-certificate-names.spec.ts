import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonGeneralNames } from '@peculiar/x509';
import type { ConnectionCredential } from '../../src/connection/connection.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { KeyUsageFlags, TestAuthority } from '../support/authority.js';
import type { Shown, Wanted } from '../support/authority.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { Peer } from '../support/peer.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

let server: Certificates;
let company: TestAuthority;
let folder: string;

beforeAll(async () => {
  [server, company] = await Promise.all([makeCertificates(), TestAuthority.make('company')]);
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-names-'));
});
afterEach(stopServers);
afterAll(() => {
  server.remove();
  rmSync(folder, { recursive: true });
});

function start(input: SettingsInput = {}, authorities = company.certificate): Promise<RunningServer> {
  const tlsClientCa = join(folder, 'authorities.pem');
  writeFileSync(tlsClientCa, authorities);
  return startServer(
    { tlsCert: server.chain, tlsKey: server.key, tlsClientCa, ...input },
    'trace',
    new SettlingClock(),
  );
}

/** Connects with a certificate. Returns who the server takes the peer for, and by whose word. */
async function known(running: RunningServer, shown: Shown): Promise<[string | undefined, string | undefined]> {
  const peer = await Peer.connect(running.url, { ca: server.ca, ...shown });
  const [{ principal, credential }] = [...running.connections] as {
    principal?: string;
    credential?: ConnectionCredential;
  }[];
  peer.socket.terminate();
  await peer.closed;
  return [principal, credential?.proof.issuer];
}

const ID = 'spiffe://example.org/ns/shop/sa/web';
const svid = (uri = ID, more: Wanted = {}): Wanted => ({ names: [{ type: 'url', value: uri }], ...more });
const FINGERPRINT = 'the fingerprint';

describe('tls-client-principal', () => {
  const names: JsonGeneralNames = [
    { type: 'dns', value: 'web.example.org' },
    { type: 'dns', value: 'www.example.org' },
    { type: 'email', value: 'alice@example.org' },
    { type: 'email', value: 'al@example.org' },
    { type: 'url', value: ID },
  ];
  const all: Wanted = { subject: 'CN=alice', names };
  const urn: Wanted = { names: [{ type: 'url', value: 'urn:uuid:7d444840-9dc0-11d1-b245-5ffdce74fad2' }] };

  it.each<[what: string, order: string | undefined, wanted: Wanted, principal: string]>([
    ['is the common name by default', undefined, all, 'alice'],
    ['is the SPIFFE ID of an SVID by default', undefined, svid(), ID],
    ['is another URI by default, if there is only one', undefined, urn, urn.names![0].value],
    ['is the URI where that comes first', 'uri,cn', all, ID],
    ['is the first address', 'email', all, 'alice@example.org'],
    ['is the first host', 'dns,cn', all, 'web.example.org'],
    ['is the fingerprint where nothing else counts', 'fingerprint', all, FINGERPRINT],
    ['passes over what is not there', 'email,dns,cn', { subject: 'CN=bob' }, 'bob'],
    [
      'passes over a URI that is one of several',
      'uri,cn',
      { subject: 'CN=bob', names: ['urn:a:1', 'urn:a:2'].map((value) => ({ type: 'url', value })) },
      'bob',
    ],
    [
      'never takes a name that holds commas and other names for those names (CVE-2021-44532)',
      'uri,email,dns,fingerprint',
      { names: [{ type: 'dns', value: `x, URI:${ID}, email:root@example.org` }] },
      FINGERPRINT,
    ],
    [
      'takes a name with commas and quotes as it is',
      'dns,fingerprint',
      { names: [{ type: 'dns', value: 'a",DNS:"b' }] },
      'a",DNS:"b',
    ],
    ['never takes a name with a bar', 'uri,fingerprint', svid('urn:a|b'), FINGERPRINT],
    [
      'never takes a name with a line feed',
      'dns,fingerprint',
      { names: [{ type: 'dns', value: 'a\nb' }] },
      FINGERPRINT,
    ],
    [
      'never takes a name with a zero',
      'email,fingerprint',
      { names: [{ type: 'email', value: 'a\0b@c' }] },
      FINGERPRINT,
    ],
    ['never takes an empty name', 'email,dns,fingerprint', { names: [{ type: 'email', value: '' }] }, FINGERPRINT],
  ])('A14: %s', async (_what, tlsClientPrincipal, wanted, principal) => {
    const shown = await company.issue(wanted);
    const running = await start({ tlsClientPrincipal });
    const expected = principal === FINGERPRINT ? new X509Certificate(shown.cert).fingerprint256 : principal;
    expect((await known(running, shown))[0]).toBe(expected);
  });

  it('A14: a renewed SVID is the same principal, by the word of its trust domain', async () => {
    const running = await start();
    const renewals = await Promise.all([company.issue(svid()), company.issue(svid())]);
    for (const shown of renewals) expect(await known(running, shown)).toEqual([ID, 'spiffe://example.org']);
  });

  it('A14: names the authority of another certificate as RFC 4514 does', async () => {
    const acme = await TestAuthority.make('acme, inc.');
    const running = await start({}, company.certificate + acme.certificate);
    expect(await known(running, await company.issue({ subject: 'CN=alice' }))).toEqual(['alice', 'CN=company']);
  });

  it('A14: refuses a certificate that has none of the names', async () => {
    const running = await start({ tlsClientPrincipal: 'uri' });
    const refused = await Peer.refused(running.url, { ca: server.ca, ...(await company.issue({ subject: 'CN=a' })) });
    expect([refused.status, refused.body]).toEqual([
      403,
      'This client certificate has no name that this server takes; the setting is tls-client-principal.\n',
    ]);
  });

  const SIGNING = KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature;
  const LETTERS = 'its URI must be spiffe://TRUST-DOMAIN/PATH, in the letters of SPIFFE';
  it.each<[what: string, wanted: Wanted, why: string]>([
    ['two SPIFFE IDs', { names: [...svid().names!, ...svid(`${ID}2`).names!] }, 'exactly one URI'],
    [
      'a SPIFFE ID and another URI',
      { names: [{ type: 'url', value: 'urn:a:1' }, ...svid().names!] },
      'exactly one URI',
    ],
    ['the CA flag', svid(ID, { isAuthority: true }), 'authority'],
    ['a key that may sign certificates', svid(ID, { usage: SIGNING }), 'authority'],
    [
      'a key that may sign revocation lists',
      svid(ID, { usage: KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature }),
      'authority',
    ],
    ...[
      ['no path', 'spiffe://example.org'],
      ['an empty path', 'spiffe://example.org/'],
      ['a slash at the end', `${ID}/`],
      ['an empty segment', 'spiffe://example.org/a//b'],
      ['a dot segment', 'spiffe://example.org/a/../b'],
      ['capitals in the trust domain', 'spiffe://Example.org/a'],
      ['capitals in the scheme', 'SPIFFE://example.org/a'],
      ['no trust domain', 'spiffe:///a'],
      ['a port', 'spiffe://example.org:80/a'],
      ['a user', 'spiffe://me@example.org/a'],
      ['a query', `${ID}?a`],
      ['a fragment', `${ID}#a`],
      ['an escape', 'spiffe://example.org/%61'],
      ['one slash', 'spiffe:/example.org/a'],
      ['a trust domain of 256 bytes', `spiffe://${'a'.repeat(256)}/a`],
      ['2,049 bytes', `spiffe://example.org/${'a'.repeat(2049 - 21)}`],
    ].map(([what, uri]): [string, Wanted, string] => [what, svid(uri), LETTERS]),
  ])('A14: refuses an SVID with %s', async (_what, wanted, why) => {
    const running = await start();
    const refused = await Peer.refused(running.url, { ca: server.ca, ...(await company.issue(wanted)) });
    expect([refused.status, refused.body]).toEqual([
      403,
      expect.stringMatching(/^This client certificate is no X\.509-SVID: /),
    ]);
    expect(refused.body).toContain(why);
    expect(running.log.find(({ msg }) => msg === 'refused an upgrade')).toMatchObject({
      reason: 'certificate_name',
      why: expect.stringContaining(why),
    });
  });

  it('A14: takes a SPIFFE ID of 2,048 bytes, as SPIFFE asks for', async () => {
    const running = await start();
    const longest = `spiffe://example.org/${'a'.repeat(2048 - 21)}`;
    expect((await known(running, await company.issue(svid(longest))))[0]).toBe(longest);
  });

  it('A14: an authority of one trust domain cannot issue an SVID of another', async () => {
    const other = await TestAuthority.make('other', svid('spiffe://other.example'));
    const running = await start({}, company.certificate + other.certificate);
    const refused = await Peer.refused(running.url, { ca: server.ca, ...(await other.issue(svid())) });
    expect([refused.status, refused.body]).toEqual([403, expect.stringContaining('another trust domain')]);
    expect((await known(running, await other.issue(svid('spiffe://other.example/a'))))[0]).toBe(
      'spiffe://other.example/a',
    );
  });
});
