import 'reflect-metadata';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import type { CanActivate, INestApplication } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CairnSignalModule, CborWsAdapter, ConnectionRegistry, Logs } from '../../../src/embedding.js';
import type { CairnSignalOptions, Extensions } from '../../../src/embedding.js';
import { namedTokenLine } from '../../../src/auth/named-token.js';
import { Lifecycle } from '../../../src/lifecycle/lifecycle.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { Peer } from '../../support/peer.js';

const applications: INestApplication[] = [];
afterEach(async () => {
  await Promise.all(applications.splice(0).map((application) => application.close()));
});

const quiet = (): Logs =>
  new Logs({ format: 'json', filter: LogFilter.parse('off')!, destination: { write: () => undefined } });

@Controller()
class FrontPage {
  @Get()
  hello(): string {
    return 'the company';
  }
}

/** An application that mounts the server, and where it listens. */
async function mount(
  registration: CairnSignalOptions & Extensions = {},
  providers: NonNullable<Parameters<typeof Module>[0]['providers']> = [],
): Promise<{ application: INestApplication; url: string; http: string }> {
  const { settings, ...others } = registration;
  @Module({
    imports: [
      CairnSignalModule.register({
        settings: { maxConnections: 100, drainTimeout: '1s', ...settings },
        logs: quiet(),
        ...others,
      }),
    ],
    controllers: [FrontPage],
    providers,
  })
  class Company {}
  const application = await NestFactory.create(Company, { logger: false, abortOnError: false });
  application.useWebSocketAdapter(new CborWsAdapter(application));
  applications.push(application);
  await application.listen(0, '127.0.0.1');
  const { port } = (application.getHttpServer() as Server).address() as AddressInfo;
  return { application, url: `ws://127.0.0.1:${port}`, http: `http://127.0.0.1:${port}` };
}

describe('the server in an application', () => {
  it("relays next to the application's own paths at the same address", async () => {
    const { application, url, http } = await mount();
    const [a, b] = [await Peer.connect(url), await Peer.connect(`${url}/any`)];
    b.subscribe('t');
    await b.sync();
    const message = a.relay('t', 'x');
    expect(await b.next()).toEqual(message);
    expect(await (await fetch(http)).text()).toBe('the company');
    expect(application.get(Lifecycle).phase).toBe('serving');
  });

  it('may run twice in one process, and the two know nothing of each other', async () => {
    const [one, other] = [await mount(), await mount()];
    const [a, b] = [await Peer.connect(one.url), await Peer.connect(other.url)];
    b.subscribe('t');
    await b.sync();
    a.relay('t', 'x');
    await a.sync();
    await b.sync();
    expect(b.received).toEqual([]);
    expect([one, other].map(({ application }) => application.get(ConnectionRegistry).size)).toEqual([1, 1]);
  });

  it('G1: global guards of the application are asked as well', async () => {
    @Injectable()
    class ByHeader implements CanActivate {
      canActivate(context: Parameters<CanActivate['canActivate']>[0]): boolean {
        return context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-pass'] === 'yes';
      }
    }
    const { url } = await mount({}, [{ provide: APP_GUARD, useClass: ByHeader }]);
    expect((await Peer.refused(url)).status).toBe(403);
    await Peer.connect(url, { headers: { 'X-Pass': 'yes' } });
  });

  it('A2: reads its token file again when it changes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-mounted-'));
    const file = join(folder, 'tokens');
    try {
      writeFileSync(file, namedTokenLine('alice', 'old'));
      const { application, url } = await mount({ settings: { authTokenFile: file, revokeCloses: 'on' } });
      const peer = await Peer.connect(url, { headers: { Authorization: 'Bearer old' } });
      writeFileSync(file, namedTokenLine('alice', 'new'));
      expect((await peer.closed).code).toBe(4001);
      await Peer.connect(url, { headers: { Authorization: 'Bearer new' } });
      await application.close();
      applications.length = 0;
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['guards', './x.js'],
    ['topicPolicy', './x.js'],
    ['listenAddr', '127.0.0.1:0'],
    ['managementAddr', '127.0.0.1:0'],
    ['managementHosts', 'node-1'],
    ['metricsToken', 's3cret'],
    ['handshakeTimeout', '5s'],
    ['maxPlainConnections', 100],
    ['checkPage', 'off'],
    ['backplaneRequired', 'on'],
  ])('rejects a setting that is up to the application: %s', (name, value) => {
    expect(() => CairnSignalModule.register({ settings: { [name]: value } })).toThrow(
      new RegExp(`^${name}: an application `),
    );
  });

  it('lists every fault of its settings', () => {
    expect(() => CairnSignalModule.register({ settings: { maxTopicBytes: 0, pingInterval: 'soon' } })).toThrow(
      /maxTopicBytes.*\n.*pingInterval/,
    );
  });

  it('says that its adapter serves no other gateway', async () => {
    @WebSocketGateway()
    class Another {}
    await expect(mount({}, [Another])).rejects.toThrow(
      'CborWsAdapter serves only the gateway of cairn-signal: put other gateways into another application',
    );
  });
});
