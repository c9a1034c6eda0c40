import { createHmac } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '../../src/config/settings.js';
import { Peer } from '../support/peer.js';
import { ManualClock } from '../support/manual-clock.js';
import { endPrograms, Program } from '../support/program.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';

const SECRET = 'a-secret-of-thirty-two-characters';
const STUN = 'stun:stun.example.com:3478';
const TURN = 'turn:turn.example.com?transport=udp';
const ALICE = { headers: { Authorization: 'Bearer of-alice' } };
const BOB = { headers: { Authorization: 'Bearer of-bob' } };
const ORIGIN = 'https://app.example.com';

interface Answer {
  iceServers: { urls: string[]; username?: string; credential?: string }[];
  ttl: number;
}

let folder: string;
let turn: SettingsInput;
const secretFile = (): string => join(folder, 'secret');
const write = (text: string, mode = 0o600): void => writeFileSync(secretFile(), text, { mode });
/** sha256 of of-alice and of of-bob, by `printf of-alice | sha256sum`. */
const digest = async (text: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('hex');

const get = (running: RunningServer, init: RequestInit = {}, path = '/ice'): Promise<Response> =>
  fetch(`${running.http}${path}`, init);

async function usernameFor(running: RunningServer, who: { headers: Record<string, string> }): Promise<string> {
  const { iceServers } = (await (await get(running, who)).json()) as Answer;
  return iceServers.at(-1)!.username!;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-ice-'));
  write(`${SECRET}\nthe-secret-before\n`);
  const tokens = join(folder, 'tokens');
  writeFileSync(tokens, `alice:sha256:${await digest('of-alice')}\nbob:sha256:${await digest('of-bob')}\n`);
  turn = { stunUrls: [STUN], turnUrls: [TURN], turnSecretFile: secretFile(), authTokenFile: tokens };
});
afterEach(async () => {
  await stopServers();
  endPrograms();
  rmSync(folder, { recursive: true });
});

describe('ICE servers', () => {
  it('V11: a v2 peer gets them in its turn, and Welcome says so', async () => {
    const running = await startServer({ ...turn, turnTtl: '10m' });
    const peer = await V2Peer.connect(running.url, ALICE);
    expect(peer.welcome.features).toEqual(['presence', 'ice']);
    const before = Math.floor(Date.now() / 1000);
    peer.tell({ Subscribe: { topic: 'a', id: 1 } });
    peer.tell({ IceServers: { id: 2 } });
    peer.tell({ Unsubscribe: { topic: 'a', id: 3 } });
    const heard = await peer.heard();
    const { ttl, servers } = (heard[1] as { IceServers: { ttl: number; servers: Answer['iceServers'] } }).IceServers;
    expect([heard[0], heard[2]]).toEqual([{ Ack: { id: 1 } }, { Ack: { id: 3 } }]);
    expect(ttl).toBe(600);
    expect(servers[0]).toEqual({ urls: [STUN] });
    const { urls, username, credential } = servers[1];
    expect(urls).toEqual([TURN]);
    expect(username).toMatch(/^\d+:[\da-f]{16}$/);
    expect(Number(username!.split(':')[0]) - before - 600).toBeGreaterThanOrEqual(0);
    expect(credential).toBe(createHmac('sha1', SECRET).update(username!).digest('base64'));
  });

  it('V11, V13: the pseudonym is the same over both ways and on every node, and another one for another principal', async () => {
    const [one, two] = [await startServer(turn), await startServer(turn)];
    const pseudonyms = await Promise.all([usernameFor(one, ALICE), usernameFor(two, ALICE), usernameFor(one, BOB)]);
    const peer = await V2Peer.connect(one.url, ALICE);
    peer.tell({ IceServers: { id: 2 } });
    const [said] = (await peer.heard()) as { IceServers: { servers: Answer['iceServers'] } }[];
    const [first, second, bob] = pseudonyms.map((username) => username.split(':')[1]);
    expect(second).toBe(first);
    expect(said.IceServers.servers[1].username!.split(':')[1]).toBe(first);
    expect(bob).not.toBe(first);
  });

  it('V13: GET /ice is what RTCPeerConnection takes, and is not stored', async () => {
    const running = await startServer(turn);
    const response = await get(running, ALICE);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('vary')).toBe('Origin');
    const { iceServers, ttl } = (await response.json()) as Answer;
    expect(ttl).toBe(3600);
    expect(iceServers.map(({ urls }) => urls)).toEqual([[STUN], [TURN]]);
    const head = await get(running, { ...ALICE, method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const options = await get(running, { ...ALICE, method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  it('V13: whoever is refused at an upgrade is refused here, with the same status', async () => {
    const running = await startServer({ ...turn, allowedOrigins: [ORIGIN] });
    for (const headers of [
      {},
      { Authorization: 'Bearer wrong' },
      { ...ALICE.headers, Origin: 'https://evil.example' },
    ]) {
      const upgrade = await Peer.refused(running.url, { headers });
      const response = await get(running, { headers });
      expect(response.status).toBe(upgrade.status);
      expect(response.headers.get('access-control-allow-origin')).toBe(null);
      expect(await response.text()).not.toMatch(/credential|turn:/);
    }
  });

  it('V13: asking is no connection: whoever has all of them may still ask', async () => {
    const ofPrincipal = await startServer({ ...turn, maxConnectionsPerPrincipal: 1 });
    const ofServer = await startServer({ ...turn, maxConnections: 1 });
    for (const running of [ofPrincipal, ofServer]) {
      await Peer.connect(running.url, ALICE);
      expect((await Peer.refused(running.url, ALICE)).status).toBe(running === ofPrincipal ? 429 : 503);
      expect((await get(running, ALICE)).status).toBe(200);
      expect((await get(running)).status).toBe(401);
    }
  });

  it('D2, V13: a draining server refuses, as at an upgrade, and its peers are still told over v2', async () => {
    const running = await startServer(turn);
    const peer = await V2Peer.connect(running.url, ALICE);
    running.server.refuseNewcomers();
    peer.tell({ IceServers: { id: 1 } });
    expect((await peer.take('IceServers')).servers).toHaveLength(2);
    const response = await get(running, ALICE);
    expect(response.status).toBe(503);
    expect(await response.text()).not.toMatch(/credential/);
  });

  it('V11: the expiry in a username is by the clock of this server, so one that is off shows; ttl is relative', async () => {
    const clock = new ManualClock();
    const running = await startServer(turn, 'trace', clock);
    const expiry = async (): Promise<number> => Number((await usernameFor(running, ALICE)).split(':')[0]);
    const now = (): number => Math.floor(clock.now() / 1000);
    for (const off of [0, 3600, -7200]) {
      clock.setWallClock(off * 1000);
      const before = now();
      const shown = await expiry();
      expect(shown - 3600 - before).toBeGreaterThanOrEqual(0);
      expect(shown - 3600).toBeLessThanOrEqual(now());
      expect(((await (await get(running, ALICE)).json()) as Answer).ttl).toBe(3600);
    }
  });

  it('V13: a page of an allowed origin may ask and read, after a preflight without a token', async () => {
    const running = await startServer({ ...turn, allowedOrigins: [ORIGIN] });
    const preflight = (origin: string): Promise<Response> =>
      get(running, {
        method: 'OPTIONS',
        headers: {
          Origin: origin,
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': 'authorization',
        },
      });
    const allowed = await preflight(ORIGIN);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(allowed.headers.get('access-control-allow-headers')).toBe('Authorization');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBe(null);
    for (const headers of [{ ...ALICE.headers, Origin: ORIGIN }, { Origin: ORIGIN }] as Record<string, string>[]) {
      const response = await get(running, { headers });
      expect(response.status).toBe(headers.Authorization === undefined ? 401 : 200);
      expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    }
  });

  it('V11, V13: where there are none, that is said', async () => {
    const running = await startServer();
    const response = await get(running);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ message: 'This server has no ICE servers.' });
  });

  it('V11, V13: an open server hands out STUN alone, or nothing, unless turn-open is on', async () => {
    const { authTokenFile: _, ...open } = turn;
    const stunOnly = await startServer({ stunUrls: [STUN] });
    expect(await (await get(stunOnly)).json()).toEqual({ iceServers: [{ urls: [STUN] }], ttl: 3600 });
    const closed = await startServer(open);
    expect(closed.log.filter(({ msg }) => msg.startsWith('turn-urls is set, but anyone may connect'))).toHaveLength(1);
    expect((await get(closed)).status).toBe(403);
    const peer = await V2Peer.connect(closed.url);
    expect(peer.welcome.features).toEqual(['presence']);
    peer.tell({ IceServers: { id: 1 } });
    expect(await peer.heard()).toEqual([
      { Error: { id: 1, code: 'unavailable', message: expect.stringContaining('turn-open') } },
    ]);
    const opened = await startServer({ ...open, turnOpen: 'on' });
    expect((await get(opened)).status).toBe(200);
  });

  it('V13: one source asks at the rate of one connection, and others are not affected', async () => {
    const running = await startServer({ ...turn, maxMessagesPerSecond: 1, messageBurst: 30 });
    const statuses: number[] = [];
    const waits: number[] = [];
    for (let asked = 0; asked < 1000; asked += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => get(running, ALICE)));
      statuses.push(...answers.map(({ status }) => status));
      waits.push(...answers.map(({ headers }) => Number(headers.get('retry-after') ?? 0)));
      await Promise.all(answers.map((answer) => answer.text()));
    }
    expect(waits.map((wait) => wait > 0)).toEqual(statuses.map((status) => status === 429));
    // 3 at once; then 1 for each 10 s that this takes.
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(3);
    expect(statuses.filter((status) => status === 200).length).toBeLessThan(100);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect((await get(running, BOB)).status).toBe(200);
    expect(running.counts.of('max-messages-per-second')).toBeGreaterThan(800);
  });

  it.each([
    ['missing', undefined, 'there is no such file'],
    ['empty', '', 'its first line is empty'],
    ['empty in its first line', `\n${SECRET}\n`, 'its first line is empty'],
    ['short', 'x'.repeat(31), 'shorter than 32'],
    ['with spaces', ` ${SECRET}`, 'without spaces'],
  ])('a secret that is %s is a fault at the start', async (_, text, why) => {
    if (text === undefined) rmSync(secretFile());
    else write(text);
    await expect(startServer(turn)).rejects.toThrow(why);
    await expect(startServer(turn)).rejects.toThrow('turn-secret-file');
  });

  it('a secret that everybody may read is a warning, and never in the log', async () => {
    write(SECRET, 0o600);
    const quiet = await startServer(turn);
    expect(quiet.log.some(({ msg }) => msg.includes('every user of this machine'))).toBe(false);
    rmSync(secretFile());
    write(SECRET, 0o644);
    const running = await startServer(turn);
    expect(running.log.filter(({ msg }) => msg.includes('every user of this machine'))).toHaveLength(1);
    const [server] = ((await (await get(running, ALICE)).json()) as Answer).iceServers.slice(-1);
    const log = JSON.stringify(running.log);
    for (const secret of [SECRET, server.credential!, server.username!]) expect(log).not.toContain(secret);
  });

  it('a secret in a volume of Kubernetes is no warning: all who may read it are in the container', async () => {
    // As kubelet writes it, with the default mode of a Secret.
    mkdirSync(join(folder, '..2026_11_27_10_00_00.123456789'));
    writeFileSync(join(folder, '..2026_11_27_10_00_00.123456789/key'), SECRET, { mode: 0o644 });
    symlinkSync('..2026_11_27_10_00_00.123456789', join(folder, '..data'));
    symlinkSync('..data/key', join(folder, 'key'));
    const running = await startServer({ ...turn, turnSecretFile: join(folder, 'key') });
    expect((await get(running, ALICE)).status).toBe(200);
    expect(running.log.some(({ msg }) => msg.includes('every user of this machine'))).toBe(false);
  });

  it('check-config warns of what the server would warn of', async () => {
    rmSync(secretFile());
    write(SECRET, 0o644);
    const args = ['check-config', '--turn-urls', TURN, '--turn-secret-file', secretFile()];
    const { code, stderr } = await new Program(args).ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: turn-secret-file .* every user of this machine may read or change it/m);
    expect(stderr).toMatch(/^warning: turn-urls is set, but anyone may connect/m);
    chmodSync(secretFile(), 0o600);
    const quiet = await new Program([...args, '--turn-open', 'on']).ended;
    expect([quiet.code, quiet.stderr]).toEqual([0, expect.not.stringMatching(/turn|TURN/)]);
    expect(stderr + quiet.stderr).not.toContain(SECRET);
  });

  it('a new first line makes credentials after a reload; a bad one changes nothing', async () => {
    const running = await startServer(turn, 'trace', new SettlingClock());
    const credentialOf = async (): Promise<{ username: string; credential: string }> =>
      ((await (await get(running, ALICE)).json()) as Answer).iceServers[1] as { username: string; credential: string };
    const madeWith = ({ username, credential }: { username: string; credential: string }, secret: string): boolean =>
      credential === createHmac('sha1', secret).update(username).digest('base64');
    write('short\n');
    await running.server.reload();
    expect(madeWith(await credentialOf(), SECRET)).toBe(true);
    expect(running.log.some(({ msg }) => msg.endsWith('keeping the current TURN secret'))).toBe(true);
    write(`new-${SECRET}\n${SECRET}\n`);
    await running.server.reload();
    await until(async () => madeWith(await credentialOf(), `new-${SECRET}`));
  });
});
