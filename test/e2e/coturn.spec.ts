import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/clock/clock.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { TurnClient } from '../../src/turn/turn-client.js';
import type { TurnCredentials } from '../../src/turn/turn-client.js';
import { streamWire, udpWire } from '../../src/turn/wire.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { Coturn, describeWithCoturn } from '../support/coturn.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { V2Peer } from '../support/v2-peer.js';

const OLD = 'the-secret-before-of-more-than-32-characters';
const NEW = 'the-secret-from-now-on-of-more-than-32-characters';

/** How TurnClient says that this was accepted. */
const ACCEPTED = { authenticated: true, relayed: { address: '127.0.0.1', port: expect.any(Number) } };
const UNAUTHORIZED = { code: 401, authenticated: true };

describeWithCoturn('coturn and the credentials of this server', () => {
  let folder: string;
  let certificates: Certificates;
  let settings: SettingsInput;
  let clients: TurnClient[];

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());
  beforeEach(() => {
    clients = [];
    folder = mkdtempSync(join(tmpdir(), 'cairn-signal-coturn-'));
    writeSecrets(OLD);
    settings = { turnSecretFile: join(folder, 'secret'), turnUrls: ['turn:127.0.0.1'], turnOpen: 'on' };
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    await stopServers();
    await Coturn.stopAll();
    rmSync(folder, { recursive: true });
  });

  const writeSecrets = (...lines: string[]): void =>
    writeFileSync(join(folder, 'secret'), `${lines.join('\n')}\n`, { mode: 0o600 });

  async function overUdp({ address, port }: Coturn): Promise<TurnClient> {
    return kept(new TurnClient(await udpWire(address, 4, port)));
  }

  function kept(client: TurnClient): TurnClient {
    clients.push(client);
    return client;
  }

  /** What GET /ice gives. */
  async function fromHttp({ http }: RunningServer, token?: string): Promise<TurnCredentials> {
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const { iceServers } = (await (await fetch(`${http}/ice`, { headers })).json()) as {
      iceServers: readonly TurnCredentials[];
    };
    return iceServers[0];
  }

  it('V13: takes those of GET /ice over udp, tcp and tls, and gives the relay back', async () => {
    const { chain: cert, key, ca } = certificates;
    const coturn = await Coturn.start({ secrets: [OLD], tls: { cert, key } });
    const credentials = await fromHttp(await startServer(settings));
    const { address: host, port, tlsPort } = coturn;
    for (const client of [
      await overUdp(coturn),
      kept(new TurnClient(streamWire(connect({ host, port })))),
      kept(new TurnClient(streamWire(connectTls({ host, port: tlsPort, ca })))),
    ]) {
      expect(await client.bind()).toEqual({ address: '127.0.0.1', port: expect.any(Number) });
      const allocation = await client.allocate(credentials);
      expect(allocation).toMatchObject(ACCEPTED);
      await allocation.release();
    }
  });

  it('V11: takes those that a v2 peer gets', async () => {
    const coturn = await Coturn.start({ secrets: [OLD] });
    const peer = await V2Peer.connect((await startServer(settings)).url);
    peer.tell({ IceServers: { id: 1 } });
    const [{ IceServers }] = (await peer.heard()) as unknown as [{ IceServers: { servers: TurnCredentials[] } }];
    expect(await (await overUdp(coturn)).allocate(IceServers.servers[0])).toMatchObject(ACCEPTED);
  });

  it('refuses those of another secret', async () => {
    const coturn = await Coturn.start({ secrets: [NEW] });
    const credentials = await fromHttp(await startServer(settings));
    await expect((await overUdp(coturn)).allocate(credentials)).rejects.toMatchObject(UNAUTHORIZED);
  });

  it('refuses those that have expired, as where the clock of this server is an hour and more behind', async () => {
    const coturn = await Coturn.start({ secrets: [OLD] });
    const credentials = await fromHttp(await startServer({ ...settings, turnTtl: '1h' }, 'trace', new ClockBehind()));
    expect(Number(credentials.username.split(':')[0])).toBeLessThan(Date.now() / 1000);
    await expect((await overUdp(coturn)).allocate(credentials)).rejects.toMatchObject(UNAUTHORIZED);
  });

  it('takes old and new ones while it has both secrets, so that none is refused while a secret changes', async () => {
    const running = await startServer(settings, 'trace', new SettlingClock());
    const before = await fromHttp(running);
    // Step 1: the TURN servers learn the new secret, beside the old one. Step 2: this server signs with it.
    const coturn = await Coturn.start({ secrets: [OLD, NEW] });
    expect(await (await overUdp(coturn)).allocate(before)).toMatchObject(ACCEPTED);
    writeSecrets(NEW, OLD);
    await running.server.reload();
    const after = await fromHttp(running);
    expect(after.credential).toBe(createHmac('sha1', NEW).update(after.username).digest('base64'));
    for (const credentials of [before, after]) {
      expect(await (await overUdp(coturn)).allocate(credentials)).toMatchObject(ACCEPTED);
    }
    // Step 3, when the old credentials have expired: the TURN servers forget the old secret.
    const later = await Coturn.start({ secrets: [NEW] });
    await expect((await overUdp(later)).allocate(before)).rejects.toMatchObject(UNAUTHORIZED);
    expect(await (await overUdp(later)).allocate(after)).toMatchObject(ACCEPTED);
  });

  it('counts its quota by the pseudonym, which is the same on every node and whenever one asks', async () => {
    const { turnOpen: _, ...closed } = settings;
    const tokens = { ...closed, authTokenFile: writeTokens('alice', 'bob') };
    const coturn = await Coturn.start({ secrets: [OLD], lines: ['user-quota=2'] });
    const nodes = [await startServer(tokens), await startServer({ ...tokens, turnTtl: '2h' })];
    const ofAlice = await Promise.all(nodes.map((node) => fromHttp(node, 'of-alice')));
    // coturn tells two usernames apart, and yet counts them as one.
    expect(ofAlice[0].username).not.toBe(ofAlice[1].username);
    for (const credentials of ofAlice) {
      expect(await (await overUdp(coturn)).allocate(credentials)).toMatchObject(ACCEPTED);
    }
    for (const credentials of ofAlice) {
      await expect((await overUdp(coturn)).allocate(credentials)).rejects.toMatchObject({ code: 486 });
    }
    expect(await (await overUdp(coturn)).allocate(await fromHttp(nodes[0], 'of-bob'))).toMatchObject(ACCEPTED);
  });

  function writeTokens(...names: string[]): string {
    const path = join(folder, 'tokens');
    const digest = (token: string): string => createHash('sha256').update(token).digest('hex');
    writeFileSync(path, names.map((name) => `${name}:sha256:${digest(`of-${name}`)}\n`).join(''));
    return path;
  }
});

/** A clock that is a second more than an hour behind. */
class ClockBehind extends SystemClock {
  override now(): number {
    return super.now() - 3_601_000;
  }
}
