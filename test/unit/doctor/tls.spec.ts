import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeChain } from '../../support/certificates.js';
import type { Chain } from '../../support/certificates.js';
import { diagnose } from '../../support/diagnosis.js';
import type { DiagnosisOptions } from '../../support/diagnosis.js';
import { startTcp, startTls, stopOddServers } from '../../support/odd-servers.js';

const DAY_MS = 86_400_000;

describe('TLS', () => {
  let chain: Chain;
  let whole: number;

  beforeAll(async () => {
    chain = await makeChain({ expiresIn: 20.5 * DAY_MS, intermediateExpiresIn: 30 * DAY_MS });
    whole = await startTls(chain.server + chain.intermediate, chain.key);
  });
  afterAll(stopOddServers);

  async function examine(port: number, options: DiagnosisOptions = {}, host = 'localhost') {
    const { tls } = await diagnose(`wss://${host}:${port}`, { ...options, only: ['dns', 'tcp', 'tls'] });
    return tls;
  }

  it.each(['localhost', '127.0.0.1'])('a chain that verifies for %s', async (host) => {
    expect(await examine(whole, { ca: chain.ca }, host)).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(
        /^TLSv1\.3 in .*; trusted, for this name; the certificate expires on \d{4}-\d\d-\d\d, in 20 days$/,
      ),
      figures: {
        protocol: 'TLSv1.3',
        chain: expect.arrayContaining(['localhost', 'test intermediate']),
        days: 20,
        expires: expect.stringMatching(/Z$/),
      },
    });
  });

  it('an unknown CA: suggests --ca', async () => {
    expect(await examine(whole)).toMatchObject({
      verdict: 'failed',
      found: 'TLSv1.3; the chain ends at an authority that is not trusted here: CN=test root',
      advice: expect.stringContaining('--ca PATH'),
    });
  });

  it('another CA than that in --ca', async () => {
    const { ca } = await makeChain();
    expect(await examine(whole, { ca })).toMatchObject({
      verdict: 'failed',
      advice: 'The authorities in --ca did not issue it: give the right ones.',
    });
  });

  it('an unknown root that is sent along', async () => {
    const port = await startTls(chain.server + chain.intermediate + chain.ca, chain.key);
    expect(await examine(port)).toMatchObject({
      verdict: 'failed',
      found: 'TLSv1.3; the chain ends at a root that is not trusted here: CN=test root',
    });
    expect(await examine(port, { ca: chain.ca })).toMatchObject({ verdict: 'ok' });
  });

  it('a missing intermediate certificate is recognised', async () => {
    const port = await startTls(chain.server, chain.key);
    const incomplete = {
      verdict: 'failed',
      found:
        'TLSv1.3; the chain is incomplete: the certificate came alone, and CN=test intermediate is not trusted here',
      advice: expect.stringContaining('fullchain.pem'),
      figures: { chain: ['localhost'] },
    };
    expect(await examine(port)).toMatchObject(incomplete);
    expect(await examine(port, { ca: chain.ca })).toMatchObject(incomplete);
  });

  it('a self-signed certificate: suggests --ca, with which it passes', async () => {
    const port = await startTls(chain.selfSigned, chain.key);
    expect(await examine(port)).toMatchObject({
      verdict: 'failed',
      found: 'TLSv1.3; the certificate is self-signed, so nobody has a reason to trust it',
      advice: expect.stringContaining('--ca PATH'),
    });
    expect(await examine(port, { ca: chain.selfSigned })).toMatchObject({
      verdict: 'warning',
      figures: { chain: ['localhost'], days: 0 },
    });
  });

  it('an expired certificate, trusted or not', async () => {
    const expired = await makeChain({ expiresIn: -2 * DAY_MS });
    const port = await startTls(expired.server + expired.intermediate, expired.key);
    const day = new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 8);
    const finding = {
      verdict: 'failed',
      found: expect.stringContaining(`the certificate expired on ${day}`),
      advice: expect.stringContaining('Renew it'),
    };
    expect(await examine(port, { ca: expired.ca })).toMatchObject(finding);
    expect(await examine(port)).toMatchObject(finding);
  });

  it('an expired intermediate certificate is named', async () => {
    const expired = await makeChain({ intermediateExpiresIn: -DAY_MS });
    const port = await startTls(expired.server + expired.intermediate, expired.key);
    expect(await examine(port, { ca: expired.ca })).toMatchObject({
      verdict: 'failed',
      found: expect.stringContaining('the intermediate certificate test intermediate expired'),
    });
  });

  it('an expired cross-signed certificate that is not needed is not a fault', async () => {
    const port = await startTls(chain.server + chain.intermediate + chain.crossSigned, chain.key);
    expect(await examine(port, { ca: chain.ca })).toMatchObject({
      verdict: 'ok',
      figures: { chain: ['localhost', 'test intermediate', 'test root'], days: 20 },
    });
  });

  it('a certificate that is not valid yet', async () => {
    const early = await makeChain({ beginsIn: DAY_MS, expiresIn: 2 * DAY_MS });
    const port = await startTls(early.server + early.intermediate, early.key);
    expect(await examine(port, { ca: early.ca })).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/^TLSv1\.3; the certificate is not valid before \d{4}-.*Z$/),
      advice: expect.stringContaining('clocks'),
    });
  });

  it.each([
    [13.5, 'warning', 13],
    [14.5, 'ok', 14],
  ])('with %d days left', async (days, verdict, told) => {
    const soon = await makeChain({ expiresIn: days * DAY_MS, intermediateExpiresIn: 30 * DAY_MS });
    const port = await startTls(soon.server + soon.intermediate, soon.key);
    expect(await examine(port, { ca: soon.ca })).toMatchObject({
      verdict,
      found: expect.stringContaining(`in ${told} days`),
      figures: { days: told },
    });
  });

  it('a certificate for another name, which is shown', async () => {
    const other = await makeChain({ host: 'signal.example.com' });
    const port = await startTls(other.server + other.intermediate, other.key);
    expect(await examine(port, { ca: other.ca })).toMatchObject({
      verdict: 'failed',
      found: 'TLSv1.3; the certificate is not for localhost but for signal.example.com',
      advice: expect.stringContaining('SNI'),
    });
  });

  it('a server without TLS', async () => {
    const port = await startTcp((socket) => socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect(await examine(port)).toMatchObject({
      verdict: 'failed',
      found: 'the answer is not TLS',
      advice: expect.stringContaining('ws://'),
    });
  });

  it('a server that hangs up during the handshake', async () => {
    const port = await startTcp((socket) => socket.on('data', () => socket.destroy()));
    expect(await examine(port)).toMatchObject({ verdict: 'failed', found: 'cut without an answer' });
  });

  it('the worst of several addresses counts, and is named', async () => {
    const port = await startTls(chain.server, chain.key, { host: '127.0.0.2', port: whole });
    const { tls } = await diagnose(`wss://localhost:${port}`, {
      ca: chain.ca,
      addresses: ['127.0.0.1', '127.0.0.2'],
      only: ['tcp', 'tls'],
    });
    expect(tls).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/^at 127\.0\.0\.2: TLSv1\.3; the chain is incomplete/),
    });
  });

  it('no token is sent if the certificate does not verify', async () => {
    const { tls, http, upgrade } = await diagnose(`wss://localhost:${whole}`, { token: 'abc' });
    expect([tls.verdict, http.verdict, upgrade.verdict]).toEqual(['failed', 'skipped', 'skipped']);
  });
});
