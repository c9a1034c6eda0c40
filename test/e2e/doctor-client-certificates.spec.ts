import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientCertificate } from '../../src/doctor/client-certificate.js';
import { makeCertificates, makeChain } from '../support/certificates.js';
import type { Certificates, Chain } from '../support/certificates.js';
import { diagnose, verdicts } from '../support/diagnosis.js';
import { startHttp, startTlsThatInsists, stopOddServers } from '../support/odd-servers.js';
import { endPrograms, Program } from '../support/program.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

const TIMEOUT_MS = 30_000;

let server: Certificates;
let own: Chain;
let alice: Chain;
let folder: string;
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

beforeAll(async () => {
  [server, own, alice] = await Promise.all([makeCertificates(), makeChain(), makeChain({ host: 'alice' })]);
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-doctor-mtls-'));
});
afterEach(async () => {
  endPrograms();
  await stopServers();
  await stopOddServers();
});
afterAll(() => {
  server.remove();
  rmSync(folder, { recursive: true });
});

const shown = ({ server: cert, intermediate, key }: Chain): ClientCertificate => ({ cert: cert + intermediate, key });

describe('the doctor and a server with tls-client-ca', () => {
  const start = (): Promise<RunningServer> =>
    startServer(
      { tlsCert: server.chain, tlsKey: server.key, tlsClientCa: file('authorities.pem', alice.ca) },
      'trace',
      new SettlingClock(),
    );

  it('shows its certificate in every handshake, and finds no problem', async () => {
    const { port } = await start();
    const findings = await diagnose(`wss://localhost:${port}`, { ca: server.ca, certificate: shown(alice) });
    // The certificates of tests are valid for an hour.
    expect(verdicts(findings)).toEqual({
      dns: 'ok',
      tcp: 'ok',
      tls: 'warning',
      http: 'ok',
      upgrade: 'ok',
      auth: 'ok',
      cbor: 'ok',
      json: 'ok',
      v2: 'ok',
      size: 'ok',
      browser: 'skipped',
      ice: 'skipped',
      idle: 'skipped',
    });
    expect(findings.auth.found).toBe('with this certificate no token is needed');
  });

  it('says what to pass if it has no certificate', async () => {
    const { port } = await start();
    const { http, upgrade, auth } = await diagnose(`wss://localhost:${port}`, { ca: server.ca });
    expect(http.verdict).toBe('ok');
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: '403 instead of 101: This server asks for a client certificate; the setting is tls-client-ca.',
      advice: expect.stringMatching(/^Give --cert and --key/),
    });
    expect(auth.verdict).toBe('skipped');
  });

  it('says that its certificate is of the wrong CA', async () => {
    const { port } = await start();
    const { upgrade } = await diagnose(`wss://localhost:${port}`, { ca: server.ca, certificate: shown(own) });
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: expect.stringContaining('No authority in tls-client-ca issued this client certificate'),
      advice: expect.stringMatching(/^Give another certificate with --cert and --key/),
    });
  });

  it('says that its chain is not whole', async () => {
    const { port } = await start();
    const { upgrade } = await diagnose(`wss://localhost:${port}`, {
      ca: server.ca,
      certificate: { ...shown(alice), cert: alice.server },
    });
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      advice: 'Give the whole chain with --cert: the certificate, then the intermediate ones.',
    });
  });

  it(
    'takes it from --cert and --key, and prints nothing of the key',
    async () => {
      const { port } = await start();
      const [ca, cert, key] = [
        file('ca.pem', server.ca),
        file('cert.pem', shown(alice).cert),
        file('key.pem', alice.key),
      ];
      const { code, stdout, stderr } = await new Program([
        'doctor',
        `wss://localhost:${port}`,
        '--ca',
        ca,
        '--cert',
        cert,
        '--key',
        key,
      ]).ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^ {2}ok {7}upgrade {2}101 /m);
      expect(stdout).not.toContain(alice.key.split('\n')[1]);
    },
    TIMEOUT_MS,
  );
});

describe('the doctor and a proxy that insists on a certificate', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('reports the alert of %s', async (maxVersion) => {
    const port = await startTlsThatInsists(own.server + own.intermediate, own.key, alice.ca, { maxVersion });
    const { tls, upgrade } = await diagnose(`wss://localhost:${port}`, { ca: own.ca });
    const told = tls.verdict === 'failed' ? tls : upgrade;
    expect(told).toMatchObject({ verdict: 'failed', advice: expect.stringContaining('--cert and --key') });
  });

  it('names what the proxy asks for', async () => {
    const port = await startTlsThatInsists(own.server + own.intermediate, own.key, alice.ca);
    const { upgrade } = await diagnose(`wss://localhost:${port}`, { ca: own.ca });
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: 'the TLS endpoint asks for a client certificate',
    });
  });

  it('passes with a certificate', async () => {
    const port = await startTlsThatInsists(own.server + own.intermediate, own.key, alice.ca);
    const { http, upgrade } = await diagnose(`wss://localhost:${port}`, {
      ca: own.ca,
      certificate: shown(alice),
      only: ['dns', 'tcp', 'tls', 'http', 'upgrade'],
    });
    expect([http.verdict, upgrade.verdict]).toEqual(['ok', 'ok']);
  });

  it('knows the page of a proxy that asks over HTTP, and that the certificate does not reach a server behind a proxy', async () => {
    const nginx = await startHttp((_request, response) =>
      response.writeHead(400).end('<html>\n<head><title>400 No required SSL certificate was sent</title></head>'),
    );
    const only = ['dns', 'tcp', 'tls', 'upgrade'];
    expect((await diagnose(`ws://127.0.0.1:${nginx}`, { only })).upgrade.advice).toMatch(/^Give --cert and --key/);
    expect((await diagnose(`ws://127.0.0.1:${nginx}`, { only, certificate: shown(alice) })).upgrade.advice).toMatch(
      /^The certificate does not arrive/,
    );
  });
});
