import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/clock/clock.js';
import type { SettingsInput } from '../../src/config/settings.js';
import type { Entry } from '../../src/doctor/doctor.js';
import { TurnClient } from '../../src/turn/turn-client.js';
import type { TurnCredentials } from '../../src/turn/turn-client.js';
import { streamWire } from '../../src/turn/wire.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { Coturn, describeWithCoturn } from '../support/coturn.js';
import { diagnose } from '../support/diagnosis.js';
import { endPrograms, Program } from '../support/program.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const TOKEN = 's3cret-token-of-the-doctor';

describeWithCoturn('the doctor and coturn', () => {
  let certificates: Certificates;
  let folder: string;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-signal-doctor-'));
    writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
  });
  afterEach(async () => {
    endPrograms();
    await stopServers();
    await Coturn.stopAll();
    rmSync(folder, { recursive: true });
  });
  afterAll(() => certificates.remove());

  /** What the doctor finds at a server that tells of this coturn. */
  async function examine(coturn: Coturn, clock = new SystemClock(), urls = urlsOf(coturn)): Promise<Entry> {
    const { url } = await serve(urls, { stunUrls: `stun:${coturn.address}:${coturn.port}` }, clock);
    return (await diagnose(url, { token: TOKEN, ca: certificates.ca, only: ['dns', 'tcp', 'ice'] })).ice;
  }

  function serve(turnUrls: string[], more: SettingsInput = {}, clock?: SystemClock): Promise<RunningServer> {
    const settings = { turnUrls, turnSecretFile: join(folder, 'secret'), authToken: TOKEN, ...more };
    return startServer(settings, 'trace', clock);
  }

  const urlsOf = ({ port, tlsPort }: Coturn): string[] => [
    `turn:127.0.0.1:${port}?transport=udp`,
    `turn:127.0.0.1:${port}?transport=tcp`,
    `turns:127.0.0.1:${tlsPort}`,
  ];

  const start = (...lines: string[]): Promise<Coturn> => {
    const { chain: cert, key } = certificates;
    return Coturn.start({ secrets: [SECRET], tls: { cert, key }, lines });
  };

  it('gets relays over udp, tcp and tls', async () => {
    const { verdict, found, figures } = await examine(await start());
    // The certificates of tests are valid for an hour.
    expect([verdict, found]).toEqual(['warning', expect.stringMatching(/Renew|expires on/)]);
    const endpoint = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(figures).toMatchObject({
      ttl: 3600,
      servers: [
        { transport: 'udp', mapped: endpoint },
        ...['udp', 'tcp', 'tls'].map((transport) => ({ transport, mapped: endpoint, relayed: endpoint })),
      ],
    });
    expect(JSON.stringify(figures)).not.toContain('fault');
  });

  it('uses up no quota of one allocation, which its three probes share', async () => {
    const { figures } = await examine(await start('user-quota=1'));
    expect(JSON.stringify(figures)).not.toContain('fault');
  });

  it('sees that others of its principal have used up the quota', async () => {
    const coturn = await start('user-quota=1');
    const { http } = await serve(urlsOf(coturn));
    const response = await fetch(`${http}/ice`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    const { iceServers } = (await response.json()) as { iceServers: TurnCredentials[] };
    const other = new TurnClient(streamWire(connect({ host: coturn.address, port: coturn.port })));
    await other.allocate(iceServers[0]);
    const url = `turn:127.0.0.1:${coturn.port}`;
    expect(await examine(coturn, undefined, [url])).toMatchObject({
      verdict: 'failed',
      found: expect.stringContaining('the quota of this principal is used up (486)'),
    });
    other.close();
  });

  it('sees a wrong secret', async () => {
    const coturn = await Coturn.start({ secrets: [`${SECRET}-of-another`] });
    expect(await examine(coturn, undefined, [`turn:127.0.0.1:${coturn.port}`])).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(
        /stun:.* sees this machine .*; turn:.* answers over udp, but it refuses the .* \(401\)/,
      ),
      advice: expect.stringContaining('turn-secret-file'),
    });
  });

  it('sees that the clock of the server is behind', async () => {
    class Behind extends SystemClock {
      override now(): number {
        return super.now() - 7_200_000;
      }
    }
    expect(await examine(await start(), new Behind())).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/^the clock of the server is 120 min behind the one here; .*\(401\)/),
    });
  });

  it('sees that a port is closed, from the program, which then exits with 1', async () => {
    const coturn = await start();
    await coturn.stop();
    const { url } = await serve(urlsOf(coturn));
    const { code, stdout } = await new Program(['doctor', url, '--json', '--token', TOKEN]).ended;
    const { verdict, examinations } = JSON.parse(stdout) as { verdict: string; examinations: Entry[] };
    expect([code, verdict]).toEqual([1, 'failed']);
    expect(examinations.find(({ name }) => name === 'ice')).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/refused: nothing listens there.*refused.*refused/),
    });
  });
});
