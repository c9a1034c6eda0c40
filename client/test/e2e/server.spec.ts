import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { startServer, stopServers } from '../../../test/support/server.js';
import type { RunningServer } from '../../../test/support/server.js';
import { until } from '../../../test/support/until.js';
import { connect } from '../../src/index.js';
import type { ConnectOptions, Signal } from '../../src/index.js';
import type { SocketConstructor } from '../../src/link.js';
import { bytes, text, watch } from '../support/watch.js';

/** That of the package `ws`, and from Node 22 on Node's own. */
const SOCKETS: readonly { readonly of: string; readonly Socket: SocketConstructor }[] = [
  { of: 'ws', Socket: WebSocket },
  ...(globalThis.WebSocket ? [{ of: 'Node', Socket: globalThis.WebSocket }] : []),
];

let signals: Signal[];

function startWith(url: string | string[], options: ConnectOptions): Signal {
  const signal = connect(url, options);
  signals.push(signal);
  return signal;
}

const opened = (signal: Signal): Promise<void> => until(() => signal.state === 'open');

beforeEach(() => {
  signals = [];
});
afterEach(async () => {
  for (const signal of signals) signal.close();
  await stopServers();
});

describe.each(SOCKETS)('with the server and the WebSocket of $of, the client', ({ of, Socket }) => {
  const start = (url: string | string[], options: ConnectOptions = {}): Signal =>
    startWith(url, { WebSocket: Socket, ...options });
  let server: RunningServer;

  it('is welcomed, pings, and has topics with members and receipts', async () => {
    server = await startServer();
    const [ada, bob] = [start(server.url), start(server.url)].map((signal, i) =>
      signal.join('t', { presence: true, data: bytes(['Ada', 'Bob'][i]) }),
    );
    const heard = watch(bob, 'message');
    await Promise.all([ada.ready, bob.ready]);
    await until(() => ada.members.size === 1 && bob.members.size === 1);
    expect(signals[0].welcome).toMatchObject({
      server: expect.stringContaining('cairn-signal'),
      limits: { message: 65_536 },
    });
    expect([...ada.members.values()].map(({ data }) => text(data!))).toEqual(['Bob']);
    expect(ada.count).toBe(2);
    expect(await ada.send(bytes('hello'))).toBe(1);
    expect(await ada.send(bytes('you'), { to: bob.self })).toBe(1);
    expect(await ada.send(bytes('nobody'), { to: '00'.repeat(8) })).toBe(0);
    expect(heard).toEqual([
      ['message', { payload: bytes('hello'), from: ada.self, to: undefined }],
      ['message', { payload: bytes('you'), from: ada.self, to: bob.self }],
    ]);
    const seen = watch(ada, 'changed', 'left');
    await bob.update(bytes('Bert'));
    await until(() => seen.length === 1);
    bob.leave();
    await until(() => ada.members.size === 0);
    expect(seen.map(([type]) => type)).toEqual(['changed', 'left']);
    expect(await signals[0].ping()).toBeLessThan(60_000);
    expect(await signals[0].iceServers()).toEqual([]);
  });

  it('is told what is wrong with a request, and stays', async () => {
    server = await startServer({ maxTopicBytes: 8, maxTopicsPerConnection: 1, maxMessageBytes: 1024 });
    const signal = start(server.url);
    await expect(signal.join('a topic that is too long').ready).rejects.toMatchObject({ code: 'topic_too_long' });
    const topic = signal.join('t');
    await topic.ready;
    await expect(signal.join('u').ready).rejects.toMatchObject({ code: 'too_many_topics' });
    await expect(topic.update(new Uint8Array(1023))).rejects.toMatchObject({ code: expect.any(String) });
    await expect(topic.send(new Uint8Array(1024))).rejects.toMatchObject({ code: 'message_too_large' });
    expect(await topic.send(new Uint8Array(900))).toBe(0);
    expect(signal.state).toBe('open');
  });

  it('shows its token, and tells of a wrong one, by its status where the WebSocket tells that', async () => {
    server = await startServer({ authToken: 'tok~en' });
    const right = start(server.url, { token: async () => 'tok~en' });
    await opened(right);
    const wrong = start(server.url, { token: 'wrong', backoff: { first: 10, most: 10 } });
    const seen = watch(wrong, 'refused');
    // Where it cannot know that the same token will be refused again, it goes on.
    await until(() => (of === 'ws' ? wrong.state === 'closed' : seen.length > 1));
    expect(seen[0]).toMatchObject(['refused', { status: of === 'ws' ? 401 : undefined, reason: expect.any(String) }]);
  });

  it('is back on its topics when the server is, and says what it was not told the end of', async () => {
    server = await startServer();
    const signal = start(server.url, { backoff: { first: 10, most: 50 } });
    const topic = signal.join('t', { presence: true, data: bytes('Ada') });
    const seen = watch(signal, 'down');
    await topic.ready;
    await server.close();
    await until(() => seen.length === 1);
    expect(seen).toMatchObject([['down', { code: expect.any(Number), final: false }]]);
    const waiting = topic.send(bytes('x'));
    server = await startServer({ listenAddr: `127.0.0.1:${server.port}` });
    const other = start(server.url).join('t', { presence: true });
    const heard = watch(other, 'message');
    await until(() => other.members.size === 1);
    expect([...other.members.values()].map(({ data }) => text(data!))).toEqual(['Ada']);
    expect(await waiting).toEqual(expect.any(Number));
    expect(await topic.send(bytes('y'))).toBe(1);
    expect(heard.at(-1)).toMatchObject(['message', { payload: bytes('y'), from: topic.self }]);
  });

  it('has the ICE servers of the server, with credentials of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'turn-'));
    const turnSecretFile = join(folder, 'secret');
    writeFileSync(turnSecretFile, 'f'.repeat(32), { mode: 0o600 });
    const [stunUrls, turnUrls] = ['stun:127.0.0.1', 'turn:127.0.0.1?transport=udp'];
    server = await startServer({ authToken: 'tok~en', stunUrls, turnUrls, turnSecretFile });
    const servers = await start(server.url, { token: 'tok~en' }).iceServers();
    const username = expect.stringMatching(/^\d+:[0-9a-f]{16}$/);
    expect(servers.map((each) => ({ ...each }))).toEqual([
      { urls: [stunUrls] },
      { urls: [turnUrls], username, credential: expect.any(String) },
    ]);
    rmSync(folder, { recursive: true });
  });

  it('is told that the server is full, and where the WebSocket tells it, for how long', async () => {
    server = await startServer({ maxConnections: 1 });
    await opened(start(server.url));
    const second = start(server.url);
    const seen = watch(second, 'refused');
    await until(() => seen.length > 0);
    const [, refusal] = seen[0] as [string, { status?: number; retry?: number }];
    expect([refusal.status, refusal.retry! > 0]).toEqual(of === 'ws' ? [503, true] : [undefined, false]);
  });
});

describe.each(SOCKETS)(
  'with a server of v1, or one that selects nothing, and the WebSocket of $of, the client',
  ({ Socket }) => {
    /** 30 lines of the reference: relays by the bytes of the topic, and knows no subprotocol. */
    async function standIn(
      selects: string | false,
    ): Promise<{ url: string; close(): void; offers: (string | undefined)[] }> {
      const http = createServer();
      const offers: (string | undefined)[] = [];
      const server = new WebSocketServer({ server: http, handleProtocols: () => selects });
      server.on('connection', (socket, request) => {
        // Some WebSockets put spaces behind the commas.
        offers.push(request.headers['sec-websocket-protocol']?.replaceAll(' ', ''));
        socket.on('message', (data: Buffer) => {
          // Everybody is on the one topic of this test. A Subscribe has no payload.
          if (!data.includes('payload')) return;
          for (const other of server.clients) if (other !== socket) other.send(data);
        });
      });
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      const close = (): void => {
        for (const socket of server.clients) socket.terminate();
        http.close();
      };
      return { url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`, close, offers };
    }

    it.each([
      ['of v1', 'cairn-signal', ['cairn-signal.v2,cairn-signal', 'cairn-signal.v2,cairn-signal']],
      ['that selects nothing', false, [undefined, undefined]],
    ] as const)('%s relays both ways, and comes back', async (_what, selects, offers) => {
      const server = await standIn(selects);
      const [a, b] = [0, 1].map(() => startWith(server.url, { WebSocket: Socket }).join('t', { presence: true }));
      const heard = watch(b, 'message');
      await Promise.all([a.ready, b.ready]);
      expect(await a.send(bytes('x'))).toBeUndefined();
      await until(() => heard.length === 1);
      expect(heard).toEqual([['message', { payload: bytes('x'), from: undefined, to: undefined }]]);
      expect(server.offers.filter((offer) => selects !== false || offer === undefined)).toEqual(offers);
      server.close();
    });
  },
);
