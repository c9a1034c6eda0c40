import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { busHealth, busIs } from '../support/bus.js';
import { makeChain } from '../support/certificates.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { startServer, stopServers } from '../support/server.js';

describeWithNats('N9: a node verifies the NATS server that it was told to connect to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-nats-tls-'));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  /** Servers by the names in their certificates, and the CA of each. */
  const servers = new Map<string, { readonly nats: NatsServer; readonly ca: string }>();

  beforeAll(async () => {
    const names = { localhost: [], 'nats.example': [], address: ['127.0.0.1'], other: ['127.0.0.2'] };
    for (const [host, addresses] of Object.entries(names)) {
      const chain = await makeChain({ host, addresses });
      const cert = write(`${host}.pem`, chain.server + chain.intermediate);
      const key = write(`${host}-key.pem`, chain.key);
      servers.set(host, {
        nats: await NatsServer.start('--tls', '--tlscert', cert, '--tlskey', key),
        ca: write(`${host}-ca.pem`, chain.ca),
      });
    }
  });
  afterEach(stopServers);
  afterAll(async () => {
    await NatsServer.stopAll();
    rmSync(folder, { recursive: true });
  });

  const cases: [host: string, url: string, state: 'up' | 'down'][] = [
    ['address', 'tls://127.0.0.1', 'up'],
    ['address', 'nats://127.0.0.1', 'up'],
    ['address', 'tls://localhost', 'down'],
    ['other', 'tls://127.0.0.1', 'down'],
    ['localhost', 'tls://127.0.0.1', 'down'],
    ['localhost', 'nats://127.0.0.1', 'down'],
    ['localhost', 'tls://localhost', 'up'],
    ['nats.example', 'tls://127.0.0.1', 'down'],
    ['nats.example', 'tls://localhost', 'down'],
  ];
  it.each(cases)('a certificate for %s, at %s: %s', async (host, url, state) => {
    const { nats, ca } = servers.get(host)!;
    const here = await startServer({ natsUrl: `${url}:${nats.port}`, natsTlsCa: ca });
    await (state === 'up' ? busIs(here, 'up') : undefined);
    expect(await busHealth(here)).toMatchObject({ backplane: state });
  });

  it('the second of two servers by its own address', async () => {
    const { nats, ca } = servers.get('address')!;
    const wrong = servers.get('localhost')!.nats;
    const here = await startServer({
      natsUrl: [`tls://127.0.0.1:${wrong.port}`, `tls://127.0.0.1:${nats.port}`].join(','),
      natsTlsCa: ca,
    });
    expect(await busIs(here, 'up')).toMatchObject({ backplane: 'up' });
  });
});
