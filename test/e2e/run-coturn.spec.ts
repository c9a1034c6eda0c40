import { createHmac } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { TurnClient, TurnRefused } from '../../src/turn/turn-client.js';
import type { Allocation, TurnCredentials } from '../../src/turn/turn-client.js';
import { streamWire, udpWire } from '../../src/turn/wire.js';
import { Coturn, describeWithCoturn } from '../support/coturn.js';
import type { CoturnOptions } from '../support/coturn.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import { askPermissions } from '../support/turn-permission.js';
import { until } from '../support/until.js';

const OLD = 'the-secret-before-of-more-than-32-characters';
const NEW = 'the-secret-from-now-on-of-more-than-32-characters';

describeWithCoturn('coturn as deploy/turn/run-coturn runs it', () => {
  let folder: string;
  let clients: TurnClient[];
  const secretFile = (): string => join(folder, 'secret');

  beforeEach(() => {
    clients = [];
    folder = mkdtempSync(join(tmpdir(), 'cairn-signal-coturn-'));
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    await stopServers();
    await Coturn.stopAll();
    rmSync(folder, { recursive: true });
  });

  /** As editors and Kubernetes do it: another file in its place. */
  function writeSecrets(...lines: string[]): void {
    writeFileSync(`${secretFile()}.new`, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    renameSync(`${secretFile()}.new`, secretFile());
  }

  const start = (deployed: Record<string, string> = {}, options: CoturnOptions = {}): Promise<Coturn> =>
    Coturn.start({ deployed: { TURN_SECRET_FILE: secretFile(), ...deployed }, ...options });

  function signedWith(secret: string): TurnCredentials {
    const username = `${Math.floor(Date.now() / 1000) + 600}:0123456789abcdef`;
    return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
  }

  async function allocate({ address, port }: Coturn, credentials: TurnCredentials): Promise<Allocation> {
    const client = new TurnClient(await udpWire(address, 4, port));
    clients.push(client);
    return client.allocate(credentials);
  }

  /** Over TCP, whose end is the end of a relay. */
  async function isGood({ address: host, port }: Coturn, secret: string): Promise<boolean> {
    const client = new TurnClient(streamWire(connect({ host, port })));
    const refusal = await client.allocate(signedWith(secret)).catch((error: TurnRefused) => error);
    client.close();
    if (refusal instanceof TurnRefused && refusal.code !== 401) throw refusal;
    return !(refusal instanceof TurnRefused);
  }

  it('takes over a new secret while it runs: no credential of the server is refused, and no relay ends', async () => {
    writeSecrets(OLD);
    const coturn = await start();
    const running = await startServer(
      { turnUrls: `turn:${coturn.address}:${coturn.port}`, turnSecretFile: secretFile(), turnOpen: 'on' },
      'trace',
      new SettlingClock(),
    );
    const given = async (): Promise<TurnCredentials> => {
      const { iceServers } = (await (await fetch(`${running.http}/ice`)).json()) as { iceServers: TurnCredentials[] };
      return iceServers[0];
    };
    const held = await allocate(coturn, await given());
    // 1: last.
    writeSecrets(OLD, NEW);
    await until(() => isGood(coturn, NEW));
    await allocate(coturn, await given());
    // 2: first.
    writeSecrets(NEW, OLD);
    await running.server.reload();
    const after = await given();
    expect(after.credential).toBe(createHmac('sha1', NEW).update(after.username).digest('base64'));
    await allocate(coturn, after);
    expect(await isGood(coturn, OLD)).toBe(true);
    // 3: alone.
    writeSecrets(NEW);
    await until(async () => !(await isGood(coturn, OLD)));
    await allocate(coturn, await given());
    // The relay of the old secret is still there.
    await held.release();
  });

  it('refuses nobody while other secrets come and go', async () => {
    writeSecrets(OLD);
    const coturn = await start({ TURN_INTERVAL: '0.01' });
    for (let change = 1; change <= 10; change++) {
      writeSecrets(OLD, `${NEW}-${change}`);
      const told = (): number => coturn.complaints.match(/2 secret\(s\) are good now/g)?.length ?? 0;
      await until(async () => {
        expect(await isGood(coturn, OLD)).toBe(true);
        return told() === change;
      });
    }
  });

  it('keeps its secrets when the file is emptied, broken or gone, and says so once', async () => {
    writeSecrets(OLD);
    const coturn = await start();
    writeSecrets('', '# a comment', 'short', `with spaces ${NEW}`);
    await until(() => coturn.complaints.includes('keeping the current secrets'));
    expect(await isGood(coturn, OLD)).toBe(true);
    rmSync(secretFile());
    expect(await isGood(coturn, OLD)).toBe(true);
    writeSecrets(NEW);
    await until(() => isGood(coturn, NEW));
    expect(coturn.complaints.match(/keeping/g)).toHaveLength(1);
    expect(coturn.complaints).not.toMatch(new RegExp(`${OLD}|${NEW}`));
  });

  it.each([
    ['no file', undefined, {}, 'expected a line of 32 visible characters'],
    ['no secret', 'short', {}, 'expected a line of 32 visible characters'],
    ['no public address', OLD, { TURN_EXTERNAL_IP: '' }, 'set TURN_EXTERNAL_IP'],
  ])('does not start with %s', async (_what, secret, variables, why) => {
    if (secret !== undefined) writeSecrets(secret);
    await expect(start(variables)).rejects.toThrow(why);
  });

  it('tells its public address, and sends nothing to this machine, private networks and metadata', async () => {
    writeSecrets(OLD);
    const coturn = await start({ TURN_EXTERNAL_IP: '1.2.3.4', TURN_INNER_IP: '127.0.0.1' });
    const credentials = signedWith(OLD);
    const { relayed } = await allocate(coturn, credentials);
    expect(relayed.address).toBe('1.2.3.4');
    const denied = [
      '127.0.0.1',
      '10.99.0.2',
      '172.16.0.1',
      '192.168.0.1',
      '169.254.169.254',
      '168.63.129.16',
      '0.0.0.0',
    ];
    const allowed = ['1.1.1.1', '223.255.255.254'];
    expect(await askPermissions(coturn, credentials, [...denied, ...allowed])).toEqual([
      ...denied.map(() => 403),
      ...allowed.map(() => 200),
    ]);
  });

  it('ends when coturn ends', async () => {
    writeSecrets(OLD);
    const coturn = await start();
    coturn.kill();
    expect(await coturn.ended).toBeDefined();
  });
});
