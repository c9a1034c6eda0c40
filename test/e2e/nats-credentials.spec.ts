import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { nkeys } from '@nats-io/transport-node';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { payloadOf, Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-nats-'));
});
afterEach(async () => {
  await stopServers();
  await NatsServer.stopAll();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const said = ({ log }: RunningServer, text: string): number => log.filter(({ msg }) => msg.includes(text)).length;
const REFUSED = 'NATS refuses this node';

/** What a peer of one node gets from a peer of another one, where both have these settings. */
async function met(settings: object): Promise<string> {
  const [one, two] = [await startServer(settings), await startServer(settings)];
  // A busy machine may take longer to join than a start waits.
  await until(() => said(one, 'joined the bus') + said(two, 'joined the bus') === 2);
  const [a, b] = [await Peer.connect(one.url), await Peer.connect(two.url)];
  a.subscribe('t');
  b.subscribe('t');
  await a.sync();
  await b.sync();
  b.relay('t', 'hello');
  return payloadOf(await a.next()).toString();
}

describeWithNats('what a node shows to NATS', () => {
  it('a user and a password', async () => {
    const nats = await NatsServer.start('--user', 'node', '--pass', 's3cret');
    expect(await met({ natsUrl: nats.url, natsUser: 'node', natsPassword: 's3cret' })).toBe('hello');
    expect(await met({ natsUrl: nats.url, natsUser: 'node', natsPasswordFile: write('password', 's3cret\n') })).toBe(
      'hello',
    );
  });

  it('a token in a file', async () => {
    const nats = await NatsServer.start('--auth', 's3cret');
    expect(await met({ natsUrl: nats.url, natsTokenFile: write('token', 's3cret\r\n') })).toBe('hello');
  });

  it('an nkey, with or without the public key behind it', async () => {
    const user = nkeys.createUser();
    const seed = Buffer.from(user.getSeed()).toString();
    const config = write('nats.conf', `authorization: { users: [ { nkey: ${user.getPublicKey()} } ] }`);
    const nats = await NatsServer.start('-c', config);
    expect(await met({ natsUrl: nats.url, natsNkey: write('seed', seed) })).toBe('hello');
    expect(await met({ natsUrl: nats.url, natsNkey: write('both', `${seed}\n${user.getPublicKey()}\n`) })).toBe(
      'hello',
    );
  });
});

describeWithNats('N4: NATS that refuses a node', () => {
  it.each([
    [{}, 'no nats-creds, nats-token, nats-nkey or nats-user is set'],
    [{ natsUser: 'node', natsPassword: 'wr0ng' }, 'nats-user and nats-password'],
    [{ natsToken: 'wr0ng' }, 'nats-token'],
  ])(
    'does not stop its start: it says so once, goes on, and joins when NATS knows it: %j',
    async (settings, setting) => {
      const config = write('nats.conf', 'authorization: { user: other, password: other }');
      const nats = await NatsServer.start('-c', config);
      const running = await startServer({ natsUrl: nats.url, ...settings });
      expect(said(running, `${REFUSED} (${setting})`)).toBe(1);
      // It serves its own peers.
      await (await Peer.connect(running.url)).sync();
      await nats.kill();
      writeFileSync(
        config,
        { natsUser: 'authorization: { user: node, password: wr0ng }', natsToken: 'authorization: { token: wr0ng }' }[
          Object.keys(settings)[0]
        ] ?? '',
      );
      await nats.start();
      await until(() => said(running, 'joined the bus') === 1);
      expect(said(running, REFUSED)).toBe(1);
      expect(JSON.stringify(running.log)).not.toContain('wr0ng');
    },
  );

  it('later, keeps being asked with what the file holds now', async () => {
    const config = write('nats.conf', 'authorization: { user: node, password: first }');
    const nats = await NatsServer.start('-c', config);
    const password = write('password', 'first');
    const running = await startServer({ natsUrl: nats.url, natsUser: 'node', natsPasswordFile: password });
    await until(() => said(running, 'joined the bus') === 1);
    await nats.kill();
    writeFileSync(config, 'authorization: { user: node, password: second }');
    await nats.start();
    await until(() => said(running, `${REFUSED} (nats-user and nats-password-file)`) === 1);
    // A file that is being replaced changes nothing.
    rmSync(password);
    writeFileSync(password, 'second\n');
    await until(() => said(running, 'rejoined the bus') === 1);
    expect(said(running, REFUSED)).toBe(1);
  });
});

describeWithNats('files of secrets for NATS that cannot be used stop the start, and are not repeated', () => {
  it.each([
    ['natsTokenFile', 'two\nlines', 'expected one line of visible ASCII characters'],
    ['natsTokenFile', '\n', 'expected one line of visible ASCII characters'],
    ['natsPasswordFile', ' s3cret', 'expected one line of visible ASCII characters'],
    ['natsNkey', 'SUs3cret', 'not the seed of a NATS user'],
    ['natsNkey', Buffer.from(nkeys.createAccount().getSeed()).toString(), 'not the seed of a NATS user'],
  ])('%s with %j', async (name, text, fault) => {
    const settings = {
      natsUrl: 'nats://127.0.0.1:1',
      [name]: write('file', text),
      ...(name === 'natsPasswordFile' && { natsUser: 'node' }),
    };
    const error: unknown = await startServer(settings).catch((reason: unknown) => reason);
    expect(String(error)).toContain(fault);
    expect(String(error)).not.toContain(text);
  });

  it('a pipe is read once', async () => {
    const fifo = join(folder, 'fifo');
    await once(spawn('mkfifo', [fifo]), 'exit');
    const writer = spawn('sh', ['-c', `printf s3cret > '${fifo}'`]);
    const nats = await NatsServer.start('--auth', 's3cret');
    const running = await startServer({ natsUrl: nats.url, natsTokenFile: fifo });
    await until(() => said(running, 'joined the bus') === 1);
    expect(writer.exitCode).toBe(0);
  });
});
