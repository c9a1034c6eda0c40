import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Test } from '@nestjs/testing';
import { WebSocket, WebSocketServer } from 'ws';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CborWsAdapter, Clock, ConnectionRegistry } from '../../../src/embedding.js';
import { Handles } from '../../../src/transport/open-files.js';
import { closeMounted, company, listen, mount } from '../../support/mounted-application.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer } from '../../support/peer.js';
import { exchange, HANDSHAKE, RawConnection } from '../../support/raw-http.js';

const opened: WebSocket[] = [];
const held: RawConnection[] = [];
const echoServers: WebSocketServer[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.terminate();
  for (const { socket } of held.splice(0)) socket.destroy();
  for (const server of echoServers.splice(0)) server.close();
  await closeMounted();
});

@WebSocketGateway({ path: '/chat' })
class Chat {
  connected = 0;
  left = 0;

  handleConnection(): void {
    this.connected += 1;
  }

  handleDisconnect(): void {
    this.left += 1;
  }

  @SubscribeMessage('shout')
  shout(_client: unknown, text: string): { event: string; data: string } {
    return { event: 'heard', data: text.toUpperCase() };
  }
}

@WebSocketGateway({ path: '/news' })
class News extends Chat {}

@WebSocketGateway()
class Lobby extends Chat {}

@WebSocketGateway({ namespace: 'hall' })
class Hall extends Chat {}

const withWs = (application: INestApplication): CborWsAdapter =>
  new CborWsAdapter(application, { others: new WsAdapter(application) });
const withIo = (application: INestApplication): CborWsAdapter =>
  new CborWsAdapter(application, { others: new IoAdapter(application) });

async function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  opened.push(socket);
  await once(socket, 'open');
  return socket;
}

/** Sends a text, and resolves to the next one that comes. */
async function say(socket: WebSocket, text: string): Promise<string> {
  const answer = once(socket, 'message');
  socket.send(text);
  const [message] = (await answer) as [Buffer];
  return message.toString();
}

async function expectChat(url: string): Promise<WebSocket> {
  const socket = await open(url);
  expect(JSON.parse(await say(socket, '{"event":"shout","data":"hello"}'))).toEqual({ event: 'heard', data: 'HELLO' });
  return socket;
}

async function expectRelay(url: string): Promise<void> {
  const [a, b] = [await Peer.connect(url), await Peer.connect(url)];
  b.subscribe('t');
  await b.sync();
  const message = a.relay('t', 'x');
  expect(await b.next()).toEqual(message);
}

/** A plain `ws` server on the application's HTTP server that echoes. */
function echoOn(server: Server, path: string): WebSocketServer {
  const echo = new WebSocketServer({ server, path });
  echoServers.push(echo);
  echo.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => socket.send(data.toString()));
  });
  return echo;
}

describe("gateways of the application's own", () => {
  it('are served by the adapter they were made for, beside ours on every other path', async () => {
    const { application, url } = await mount({}, { providers: [Chat, News] }, withWs);
    const socket = await expectChat(`${url}/chat?room=1`);
    await expectChat(`${url}/news`);
    await expectRelay(url);
    await expectRelay(`${url}/any/where`);
    expect(application.get(ConnectionRegistry).size).toBe(4);
    socket.close();
    await once(socket, 'close');
    await expectChat(`${url}/chat`);
    expect(application.get(Chat)).toMatchObject({ connected: 2, left: 1 });
  });

  it('may have no path, where ours has one', async () => {
    const { url } = await mount({ path: '/signal' }, { providers: [Lobby] }, withWs);
    await expectChat(url);
    await expectRelay(`${url}/signal`);
    await expectRelay(`${url}/signal/?version=1`);
  });

  it('may be of socket.io, with namespaces', async () => {
    const { application, url, http } = await mount({}, { providers: [Lobby, Hall] }, withIo);
    const socket = await open(`${url}/socket.io/?EIO=4&transport=websocket`);
    expect(await say(socket, '40/hall,')).toMatch(/^(?:0\{|40\/hall,)/);
    expect(await (await fetch(`${http}/socket.io/?EIO=4&transport=polling`)).text()).toMatch(/^0\{"sid"/);
    await expectRelay(url);
    while (application.get(Hall).connected === 0) await once(socket, 'message');
    expect(application.get(Hall).connected).toBe(1);
  });

  it('need an adapter: the start says how to give it', async () => {
    await expect(mount({}, { providers: [Chat] })).rejects.toThrow(
      'this application has another gateway: give CborWsAdapter the adapter that serves it, as in ' +
        'new CborWsAdapter(app, { others: new WsAdapter(app) })',
    );
  });

  it('cannot have the path of ours', async () => {
    await expect(mount({ path: '/chat' }, { providers: [Chat] }, withWs)).rejects.toThrow(
      'the path "/chat" of CairnSignalModule is also the path of another gateway',
    );
  });

  it('leave the HTTP server as it was when the application closes', async () => {
    const { application, server, url } = await mount({ path: '/signal' }, { providers: [Chat] }, withWs);
    await expectChat(`${url}/chat`);
    await application.close();
    expect(server.listenerCount('upgrade')).toBe(0);
    expect(Object.hasOwn(server, 'emit')).toBe(false);
  });
});

describe('a plain `ws` server on the same HTTP server', () => {
  it('has the upgrades on its path, whether it came before the start or after it', async () => {
    const { server, url } = await mount({ path: '/signal' }, { providers: [Chat] }, withWs);
    echoOn(server, '/echo');
    expect(await say(await open(`${url}/echo`), 'hello')).toBe('hello');
    await expectChat(`${url}/chat`);
    await expectRelay(`${url}/signal`);

    const { module } = company({ path: '/signal' });
    const early = (await Test.createTestingModule({ imports: [module] }).compile()).createNestApplication();
    early.useWebSocketAdapter(new CborWsAdapter(early));
    echoOn(early.getHttpServer() as Server, '/echo');
    const there = await listen(early);
    expect(await say(await open(`${there.url}/echo`), 'hello')).toBe('hello');
    await expectRelay(`${there.url}/signal`);
  });

  it('gets none where ours has no path, and a warning says so', async () => {
    const { module, log } = company();
    const application = (await Test.createTestingModule({ imports: [module] }).compile()).createNestApplication();
    application.useWebSocketAdapter(new CborWsAdapter(application));
    echoOn(application.getHttpServer() as Server, '/echo');
    const { url } = await listen(application);
    await expectRelay(`${url}/echo`);
    expect(log.map(({ level, msg }) => [level, msg])).toContainEqual([
      'warn',
      'something else in this application listens for upgrades and gets none, since CairnSignalModule has no path: set its option path',
    ]);
  });

  it('keeps its WebSockets when handles run short: they are no plain connections', async () => {
    const { module } = company({ path: '/signal' });
    const testing = Test.createTestingModule({ imports: [module] });
    testing.overrideProvider(Handles).useValue({ connections: 2, sockets: 4 });
    const application = (await testing.compile()).createNestApplication();
    application.useWebSocketAdapter(new CborWsAdapter(application));
    const { server, url } = await listen(application);
    echoOn(server, '/echo');
    const sockets = [await open(`${url}/echo`), await open(`${url}/echo`)];
    const { port } = server.address() as AddressInfo;
    // Room for two more: of six, each newcomer has the oldest closed.
    for (let n = 0; n < 6; n += 1) held.push(await RawConnection.open(port));
    await Promise.all(held.slice(0, 4).map(({ ended }) => ended));
    for (const socket of sockets) expect(await say(socket, 'still here')).toBe('still here');
    await expectRelay(`${url}/signal`);
  });
});

describe("an upgrade to nobody's path", () => {
  it.each([
    ['with no other gateway', undefined, []],
    ['beside a gateway of another adapter', withWs, [Chat]],
  ] as const)('is answered 404 %s', async (_where, adapter, providers) => {
    const { url, server } = await mount({ path: '/signal' }, { providers: [...providers] }, adapter);
    const { status, body } = await Peer.refused(`${url}/elsewhere`);
    expect([status, body]).toEqual([404, 'Nothing on this server takes WebSockets on this path.\n']);
    const { port } = server.address() as AddressInfo;
    // One that asks for no WebSocket is a plain request.
    const answer = await exchange(
      port,
      'GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[^]*Cannot GET \/elsewhere/);
  });

  it('is answered 404 where a listener leaves it alone', async () => {
    class ShortClock extends ManualClock {
      /** Waits for the one that leaves an upgrade alone. */
      override async sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
        await super.sleep(milliseconds === 10_000 ? 1 : milliseconds, over);
      }
    }
    const clock: Clock = new ShortClock();
    const { server, url } = await mount({ path: '/signal', clock });
    const taking = new WebSocketServer({ noServer: true });
    echoServers.push(taking);
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/mine') taking.handleUpgrade(request, socket, head, () => undefined);
    });
    await open(`${url}/mine`);
    expect((await Peer.refused(`${url}/elsewhere`)).status).toBe(404);
  });

  it('does not end the process when it is reset meanwhile', async () => {
    const { server, url } = await mount({ path: '/signal' });
    const left = once(server, 'upgrade');
    server.on('upgrade', () => undefined);
    const { port } = server.address() as AddressInfo;
    const connection = await RawConnection.open(port);
    connection.write(HANDSHAKE.replace('GET /', 'GET /elsewhere'));
    const [, socket] = (await left) as [unknown, NodeJS.WritableStream];
    socket.emit('error', new Error('ECONNRESET'));
    await connection.ended;
    await expectRelay(`${url}/signal`);
  });
});

describe('the path of ours', () => {
  it.each(['signal', '/signal?x=1', '/signal#x', '', '/sig nal'])('must be one: %j', (path) => {
    expect(() => company({ path })).toThrow(/^path: it must be the path of a URL, such as "\/signal"$/);
  });
});
