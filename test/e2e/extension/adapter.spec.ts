import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { NestFactory } from '@nestjs/core';
import type { INestApplication } from '@nestjs/common';
import { Injectable, Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CborWsAdapter, Lifecycle, StartupError, TopicPolicy } from '../../../src/embedding.js';
import { closeMounted, company, listen } from '../../support/mounted-application.js';
import { Peer } from '../../support/peer.js';

const MISSING = 'call app.useWebSocketAdapter(new CborWsAdapter(app)) before the application starts';

const made: INestApplication[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((application) => application.close()));
  await closeMounted();
});

async function byFactory(module: new () => object): Promise<INestApplication> {
  const application = await NestFactory.create(module, { logger: false, abortOnError: false });
  made.push(application);
  return application;
}

async function byTesting(module: new () => object): Promise<INestApplication> {
  const application = (await Test.createTestingModule({ imports: [module] }).compile()).createNestApplication();
  made.push(application);
  return application;
}

describe.each([
  ['NestFactory', byFactory],
  ['@nestjs/testing', byTesting],
])('an application of %s that mounts the server', (_name, create) => {
  it.each([
    ['no adapter', undefined],
    ["Nest's adapter for ws", (application: INestApplication) => new WsAdapter(application)],
    ["Nest's adapter for socket.io", (application: INestApplication) => new IoAdapter(application)],
  ])('does not start with %s, and says what to call', async (_adapter, adapter) => {
    for (const start of ['init', 'listen'] as const) {
      const application = await create(company().module);
      if (adapter !== undefined) application.useWebSocketAdapter(adapter(application));
      const started: Promise<unknown> = start === 'init' ? application.init() : application.listen(0, '127.0.0.1');
      await expect(started).rejects.toThrow(StartupError);
      await expect(started).rejects.toThrow(MISSING);
    }
  });

  it('starts with CborWsAdapter', async () => {
    const application = await create(company().module);
    application.useWebSocketAdapter(new CborWsAdapter(application));
    made.length = 0;
    const { url } = await listen(application);
    expect((await Peer.connect(url)).isOpen).toBe(true);
  });

  it('says everything that keeps it from starting in one round', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      canActivate(): boolean {
        return true;
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class PolicyPerRequest extends TopicPolicy {
      allows(): boolean {
        return true;
      }
    }
    const application = await create(company({ guards: [PerRequest], topicPolicy: PolicyPerRequest }).module);
    await expect(application.init()).rejects.toThrow(/useWebSocketAdapter.*\n.*guard.*\n.*policy/);
  });
});

describe('an application context, which serves nobody', () => {
  it('needs no adapter', async () => {
    const context = await NestFactory.createApplicationContext(company().module, {
      logger: false,
      abortOnError: false,
    });
    expect(context.get(Lifecycle, { strict: false }).phase).toBe('serving');
    await context.close();
    const testing = await Test.createTestingModule({ imports: [company().module] }).compile();
    await testing.init();
    await testing.close();
  });
});
