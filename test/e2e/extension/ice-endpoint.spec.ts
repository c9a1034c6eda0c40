import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Injectable, Module, VersioningType } from '@nestjs/common';
import type { CanActivate, ExecutionContext, INestApplication, ModuleMetadata } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CborWsAdapter, IceEndpointModule, Lifecycle } from '../../../src/embedding.js';
import { closeMounted, company, listen, mount } from '../../support/mounted-application.js';
import { Peer } from '../../support/peer.js';

const ORIGIN = 'https://app.example.com';
const ALICE = { headers: { Authorization: 'Bearer let-me-in' } };

let folder: string;
let settings: object;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-ice-endpoint-'));
  const turnSecretFile = join(folder, 'secret');
  writeFileSync(turnSecretFile, 'a-secret-of-thirty-two-characters', { mode: 0o600 });
  settings = { authToken: 'let-me-in', turnUrls: 'turn:h', turnSecretFile, allowedOrigins: ORIGIN };
});
afterEach(closeMounted);
afterAll(() => rmSync(folder, { recursive: true }));

@Controller('hello')
class Hello {
  @Get()
  hello(): string {
    return 'the company';
  }
}

/** An application with the endpoint, prepared before it starts. Returns its address. */
async function applicationWith(
  prepare: (application: INestApplication) => void = () => undefined,
  { imports = [], ...others }: ModuleMetadata = {},
): Promise<{ http: string; url: string; application: INestApplication }> {
  const { module } = company(
    { settings },
    { imports: [IceEndpointModule, ...imports], controllers: [Hello], ...others },
  );
  const application = await NestFactory.create(module, { logger: false, abortOnError: false });
  application.useWebSocketAdapter(new CborWsAdapter(application));
  prepare(application);
  return { ...(await listen(application)), application };
}

describe('GET /ice of an application', () => {
  it('V13: is there if the application imports it', async () => {
    const without = await mount({ settings });
    expect((await fetch(`${without.http}/ice`, ALICE)).status).toBe(404);
    const { http, url } = await applicationWith();
    const response = await fetch(`${http}/ice`, ALICE);
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(await response.json()).toMatchObject({ iceServers: [{ urls: ['turn:h'] }], ttl: 3600 });
    for (const headers of [{}, { ...ALICE.headers, Origin: 'https://evil.example' }]) {
      const { status } = await Peer.refused(url, { headers });
      expect((await fetch(`${http}/ice`, { headers })).status).toBe(status);
    }
  });

  it.each<[string, string, (application: INestApplication) => unknown]>([
    ['has the global prefix', '/api/ice', (application) => application.setGlobalPrefix('api')],
    [
      'has no version in its path',
      '/ice',
      (application) => application.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    ],
    [
      'needs no version in a header',
      '/ice',
      (application) => application.enableVersioning({ type: VersioningType.HEADER, header: 'X-Version' }),
    ],
    [
      'has both',
      '/api/ice',
      (application) => application.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI }),
    ],
  ])('V13: %s', async (_, path, prepare) => {
    const { http } = await applicationWith((application) => void prepare(application));
    expect((await fetch(http + path, ALICE)).status).toBe(200);
    expect((await fetch(http + path)).status).toBe(401);
  });

  it.each([false, true])(
    'V13: pages of allowed-origins may read it (with enableCors of the application: %p)',
    async (cors) => {
      const { http } = await applicationWith((application) => {
        if (cors) application.enableCors({ origin: ORIGIN, allowedHeaders: 'Authorization' });
      });
      const asked = { 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization' };
      const preflight = await fetch(`${http}/ice`, { method: 'OPTIONS', headers: { Origin: ORIGIN, ...asked } });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(preflight.headers.get('access-control-allow-headers')).toBe('Authorization');
      const response = await fetch(`${http}/ice`, { headers: { ...ALICE.headers, Origin: ORIGIN } });
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, ORIGIN]);
    },
  );

  it('V13: global guards of the application are asked, as for the upgrade', async () => {
    let asked = 0;
    @Injectable()
    class ByHeader implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        asked += 1;
        const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
        return headers['x-pass'] === 'yes';
      }
    }
    const { http } = await applicationWith(undefined, { providers: [{ provide: APP_GUARD, useClass: ByHeader }] });
    expect((await fetch(`${http}/ice`, ALICE)).status).toBe(403);
    expect(asked).toBe(1);
    const pass = { headers: { ...ALICE.headers, 'X-Pass': 'yes' } };
    expect((await fetch(`${http}/ice`, pass)).status).toBe(200);
    expect(asked).toBe(3);
    expect((await fetch(`${http}/ice`, { headers: { 'X-Pass': 'yes' } })).status).toBe(401);
  });

  it('D2, V13: is refused while the application drains', async () => {
    const { http, application } = await applicationWith();
    application.get(Lifecycle).drain();
    expect((await fetch(`${http}/ice`, ALICE)).status).toBe(503);
    expect(await (await fetch(`${http}/hello`)).text()).toBe('the company');
  });

  it('needs the registration', async () => {
    @Module({ imports: [IceEndpointModule] })
    class Alone {}
    await expect(NestFactory.create(Alone, { logger: false, abortOnError: false })).rejects.toThrow(
      /resolve dependencies/,
    );
  });
});
