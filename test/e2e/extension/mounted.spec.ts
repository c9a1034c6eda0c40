import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { maxHeaderSize } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Injectable } from '@nestjs/common';
import type { CanActivate } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CairnSignalModule, ConnectionRegistry } from '../../../src/embedding.js';
import { namedTokenLine } from '../../../src/auth/named-token.js';
import { Lifecycle } from '../../../src/lifecycle/lifecycle.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { closeMounted, mount } from '../../support/mounted-application.js';
import { Peer } from '../../support/peer.js';

afterEach(closeMounted);

@Controller()
class FrontPage {
  @Get()
  hello(): string {
    return 'the company';
  }
}

describe('the server in an application', () => {
  it('relays beside what the application has at the same address', async () => {
    const { application, url, http } = await mount({}, { controllers: [FrontPage] });
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
    const { url } = await mount({}, { providers: [{ provide: APP_GUARD, useClass: ByHeader }] });
    expect((await Peer.refused(url)).status).toBe(403);
    await Peer.connect(url, { headers: { 'X-Pass': 'yes' } });
  });

  it('A2: reads its token file again when it changes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-mounted-'));
    const file = join(folder, 'tokens');
    try {
      writeFileSync(file, namedTokenLine('alice', 'old'));
      const { url } = await mount({ settings: { authTokenFile: file, revokeCloses: 'on' } });
      const peer = await Peer.connect(url, { headers: { Authorization: 'Bearer old' } });
      writeFileSync(file, namedTokenLine('alice', 'new'));
      expect((await peer.closed).code).toBe(4001);
      await Peer.connect(url, { headers: { Authorization: 'Bearer new' } });
      await closeMounted();
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
    ['metricsTokenFile', '/run/m'],
    ['handshakeTimeout', '5s'],
    ['keepAliveTimeout', '5s'],
    ['maxHeaderBytes', 65_536],
    ['proxyProtocol', 'on'],
    ['maxPlainConnections', 100],
    ['checkPage', 'off'],
  ])('rejects a setting that is up to the application: %s', (name, value) => {
    expect(() => CairnSignalModule.register({ settings: { [name]: value } })).toThrow(
      new RegExp(`^${name}: an application `),
    );
  });

  it('A13: warns where its server does not take the longest JWT, and only there', async () => {
    const warned = async (settings: SettingsInput): Promise<unknown[]> => {
      const { log } = await mount({ settings: { jwtAudience: 'a', jwtIssuer: 'https://127.0.0.1:1', ...settings } });
      return log.filter(({ msg }) => msg.startsWith('the HTTP server of this application takes fewer bytes'));
    };
    expect(await warned({})).toEqual([]);
    expect(await warned({ maxJwtBytes: 32_768 })).toEqual([
      expect.objectContaining({ level: 'warn', takes: maxHeaderSize, needed: 45_739 }),
    ]);
    expect(await warned({ maxJwtBytes: 32_768, jwtIssuer: undefined, jwtAudience: undefined })).toEqual([]);
  });

  it('lists every fault of its settings', () => {
    expect(() => CairnSignalModule.register({ settings: { maxTopicBytes: 0, pingInterval: 'soon' } })).toThrow(
      /maxTopicBytes.*\n.*pingInterval/,
    );
  });
});
