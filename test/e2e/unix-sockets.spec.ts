import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { healthcheck } from '../../src/cli/healthcheck.js';
import { parseSettings } from '../../src/config/load-settings.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { describeWithProxy, FrontProxy } from '../support/front-proxy.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-unix-'));
  path = join(folder, 'x.sock');
});
afterEach(async () => {
  await FrontProxy.stopAll();
  await stopServers();
  rmSync(folder, { recursive: true });
});

/** Status of a plain request over a Unix socket. */
async function ask(socketPath: string, url: string): Promise<number | undefined> {
  const asked = request({ socketPath, path: url, agent: false }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

const modeOf = (socket: string): number => statSync(socket).mode & 0o777;

describe('a Unix socket', () => {
  it('is listened on by peers, with a mode, and removed at the end', async () => {
    const running = await startServer({ listenAddr: `unix:${path}` });
    expect(modeOf(path)).toBe(0o660);
    await (await Peer.connect(`ws+unix://${path}:/`)).sync();
    expect(await ask(path, '/health/ready')).toBe(200);
    expect(running.log.map(({ msg }) => msg)).toContain(`listening on unix:${path}`);
    expect(await healthcheck(() => parseSettings({ listenAddr: `unix:${path}` }))).toBe(0);
    await running.close();
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['600', 0o600],
    ['666', 0o666],
    ['777', 0o777],
  ])('has the mode %s that is asked for, whatever the umask', async (mode, expected) => {
    const before = process.umask(0o077);
    await startServer({ listenAddr: `unix:${path},mode=${mode}` });
    expect([modeOf(path), process.umask(before)]).toEqual([expected, 0o077]);
  });

  it('may be the management address', async () => {
    await startServer({ managementAddr: `unix:${path},mode=600` });
    expect([modeOf(path), await ask(path, '/metrics'), await ask(path, '/')]).toEqual([0o600, 200, 200]);
  });

  it('that was left behind is replaced', async () => {
    // As a process that was killed leaves it: the file stays.
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(statSync(path).isSocket()).toBe(true);
    await startServer({ listenAddr: `unix:${path}` });
    expect(await ask(path, '/health/live')).toBe(200);
  });

  it('that is in use, or is not a socket, is left alone', async () => {
    await startServer({ listenAddr: `unix:${path}` });
    await expect(startServer({ listenAddr: `unix:${path}` })).rejects.toThrow(
      `cannot listen on unix:${path}: another process listens there; stop it or choose another path`,
    );
    expect(await ask(path, '/health/live')).toBe(200);
    const file = join(folder, 'file');
    writeFileSync(file, 'text');
    await expect(startServer({ listenAddr: `unix:${file}` })).rejects.toThrow('there is something else than a socket');
    expect(statSync(file).size).toBe(4);
    await expect(startServer({ listenAddr: `unix:${folder}/none/x.sock` })).rejects.toThrow(
      `there is no folder ${folder}/none (systemd makes one with RuntimeDirectory=)`,
    );
  });

  it.each([
    'unix:x.sock',
    'unix:',
    'unix:/run/x.sock,mode=0660',
    'unix:/run/x.sock,mode=888',
    'unix:/run/x.sock,mode=',
    `unix:/${'x'.repeat(107)}`,
  ])('is not %s', (listenAddr) => {
    expect(() => parseSettings({ listenAddr })).toThrow('expected an address as HOST:PORT');
  });

  it('is not twice the same', () => {
    const settings: SettingsInput = { listenAddr: 'unix:/run/x', managementAddr: 'unix:/run/x,mode=600' };
    expect(() => parseSettings(settings)).toThrow('is the same address as listen-addr: give it another path');
    expect(parseSettings({ ...settings, managementAddr: 'unix:/run/y' }).managementAddr).toEqual({
      path: '/run/y',
      mode: 0o660,
    });
  });

  it('L7: a proxy that comes by it is trusted where trusted-proxies says unix:', async () => {
    const running = await startServer({ listenAddr: `unix:${path}`, trustedProxies: 'unix:', maxConnectionsPerIp: 1 });
    const from = (address: string): object => ({ headers: { 'X-Forwarded-For': address } });
    const url = `ws+unix://${path}:/`;
    await Peer.connect(url, from('192.0.2.1'));
    await Peer.connect(url, from('192.0.2.2'));
    expect((await Peer.refused(url, from('192.0.2.2'))).status).toBe(429);
    expect(running.log.find(({ msg }) => msg === 'refused an upgrade')).toMatchObject({ remote: '192.0.2.2' });
  });
});

describeWithProxy('nginx', 'a real nginx that reaches the server by a Unix socket', () => {
  it('L7: passes peers on, and their addresses', async () => {
    const running = await startServer({
      listenAddr: `unix:${path},mode=666`,
      trustedProxies: 'unix:',
      maxConnectionsPerIp: 1,
    });
    // Its worker may be another user.
    chmodSync(folder, 0o755);
    const proxy = await FrontProxy.nginx(
      `upstream nodes { server unix:${path}; }`,
      `proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
       proxy_set_header Connection "upgrade"; proxy_set_header Host $host;
       proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`,
    );
    await (await Peer.connect(proxy.url, { localAddress: '127.0.0.2' })).sync();
    expect((await Peer.refused(proxy.url, { localAddress: '127.0.0.2' })).status).toBe(429);
    expect(running.log.find(({ msg }) => msg === 'refused an upgrade')).toMatchObject({ remote: '127.0.0.2' });
  });
});
