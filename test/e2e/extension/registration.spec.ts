import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Inject, Injectable, Module } from '@nestjs/common';
import type { CanActivate, DynamicModule, ModuleMetadata } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CairnSignalModule,
  CborWsAdapter,
  ConfigurationError,
  Logs,
  StartupError,
  TopicPolicy,
} from '../../../src/embedding.js';
import type { CairnSignalOptions, Extensions } from '../../../src/embedding.js';
import { SystemClock } from '../../../src/clock/clock.js';
import { SETTLED_MS } from '../../../src/config/settled-files.js';
import { closeMounted, company, listen, mount } from '../../support/mounted-application.js';
import { Peer } from '../../support/peer.js';

afterEach(closeMounted);

const TOKEN = { headers: { Authorization: 'Bearer s3cret' } };
const logs = new Logs({ format: 'json', destination: { write: () => undefined } });

/** Where an application keeps its secrets. */
@Injectable()
class Vault {
  async open(): Promise<string> {
    return 's3cret';
  }
}

@Module({ providers: [Vault], exports: [Vault] })
class VaultModule {}

const optionsWith = (authToken: string): CairnSignalOptions => ({ settings: { authToken, maxConnections: 100 }, logs });

@Injectable()
class FromVault {
  constructor(private readonly vault: Vault) {}

  async create(): Promise<CairnSignalOptions> {
    return optionsWith(await this.vault.open());
  }
}

@Module({ imports: [VaultModule], providers: [FromVault], exports: [FromVault] })
class FromVaultModule {}

@Injectable()
class Yes implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Injectable()
class No implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

/** An application of one module that imports these. */
function application(
  ...imports: NonNullable<ModuleMetadata['imports']>
): Promise<Awaited<ReturnType<typeof NestFactory.create>>> {
  @Module({ imports })
  class Company {}
  return NestFactory.create(Company, { logger: false, abortOnError: false });
}

async function started(registration: DynamicModule): Promise<string> {
  const app = await application(registration);
  app.useWebSocketAdapter(new CborWsAdapter(app));
  return (await listen(app)).url;
}

describe('CairnSignalModule.forRootAsync', () => {
  it.each([
    [
      'useFactory, from a secret store',
      () =>
        CairnSignalModule.forRootAsync({
          imports: [VaultModule],
          inject: [Vault],
          useFactory: async (vault: Vault) => optionsWith(await vault.open()),
        }),
    ],
    [
      'useFactory, from a ConfigService',
      () =>
        CairnSignalModule.forRootAsync({
          imports: [ConfigModule.forRoot({ ignoreEnvFile: true, load: [() => ({ token: 's3cret' })] })],
          inject: [ConfigService],
          useFactory: (config: ConfigService) => optionsWith(config.getOrThrow<string>('token')),
        }),
    ],
    ['useClass', () => CairnSignalModule.forRootAsync({ imports: [VaultModule], useClass: FromVault })],
    ['useExisting', () => CairnSignalModule.forRootAsync({ imports: [FromVaultModule], useExisting: FromVault })],
  ])('takes settings with %s', async (_how, registration) => {
    const url = await started(registration());
    expect((await Peer.refused(url)).status).toBe(401);
    await Peer.connect(url, TOKEN);
  });

  it('takes guards, a policy and a path too', async () => {
    @Injectable()
    class NeedsVault implements CanActivate {
      constructor(private readonly vault: Vault) {}

      async canActivate(): Promise<boolean> {
        return (await this.vault.open()) === 's3cret';
      }
    }
    const url = await started(
      CairnSignalModule.forRootAsync({
        imports: [VaultModule],
        guards: [NeedsVault],
        useFactory: () => ({ ...optionsWith('s3cret'), path: '/signal' }),
      }),
    );
    await Peer.connect(`${url}/signal`, TOKEN);
    expect((await Peer.refused(url, TOKEN)).status).toBe(404);
  });
});

class Nothing {}

/** Wrong in every way, and what is said of it. */
const WRONG = {
  guards: [Nothing, undefined, Yes],
  topicPolicy: Nothing,
  presenceObservers: [Nothing],
} as unknown as Extensions;
const WRONG_OPTIONS = {
  path: 'signal',
  logger: {},
  register: new Map(),
  settings: { listenAddr: '127.0.0.1:0', tlsCert: '/nowhere/cert', maxTopicBytes: 0, authTokenFile: '/nowhere/tokens' },
} as unknown as CairnSignalOptions;
const FAULTS = [
  expect.stringMatching(/^listenAddr: an application has its own listeners/),
  expect.stringMatching(/^tlsCert: an application has its own listeners/),
  'guards: Nothing is not a class with a method "canActivate"',
  'guards: undefined is not a class with a method "canActivate"',
  'topicPolicy: Nothing is not a class with a method "allows"',
  'presenceObservers: Nothing is not a class with a method "joined"',
  'presenceObservers: Nothing is not a class with a method "left"',
  'path: it must be the path of a URL, such as "/signal"',
  'logger: expected a LoggerService of Nest, or a pino logger',
  'register: expected a Registry of prom-client',
  expect.stringMatching(/^maxTopicBytes 0: /),
  expect.stringMatching(/^tlsCert is set but tls-key is not/),
  'auth-token-file "/nowhere/tokens": there is no such file',
];

describe('faults of the registration', () => {
  it('forRoot throws all of them at once', () => {
    let thrown: unknown;
    try {
      CairnSignalModule.forRoot({ ...WRONG, ...WRONG_OPTIONS });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect((thrown as ConfigurationError).faults).toEqual(FAULTS);
  });

  it('forRootAsync has the start reject with all of them at once', async () => {
    const made = application(CairnSignalModule.forRootAsync({ ...WRONG, useFactory: async () => WRONG_OPTIONS }));
    await expect(made).rejects.toBeInstanceOf(ConfigurationError);
    await expect(made).rejects.toMatchObject({ faults: FAULTS });
  });

  it('names every file at fault, and what is wrong in it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-registration-'));
    try {
      const authTokenFile = join(folder, 'tokens');
      writeFileSync(authTokenFile, '# none\n');
      const settings = {
        authTokenFile,
        jwtIssuer: 'https://id.example.com',
        jwtAudience: 'signal',
        jwtPublicKey: '/nowhere/key',
        natsUrl: 'nats://127.0.0.1:1',
        natsTokenFile: '/nowhere/nats',
      };
      // Not before the start: the files may come until then.
      const made = application(CairnSignalModule.forRoot({ settings, logs }));
      await expect(made).rejects.toBeInstanceOf(StartupError);
      const lines = await made.catch((error: Error) => error.message.split('\n'));
      expect(lines).toEqual([
        '3 faults in files and limits',
        '  jwt-public-key "/nowhere/key": there is no such file',
        '  nats-token-file "/nowhere/nats": there is no such file',
        expect.stringMatching(/^ {2}auth-token-file .*: there is no token in it$/),
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('A1: does not judge a file that somebody is still writing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-registration-'));
    try {
      const authTokenFile = join(folder, 'tokens');
      writeFileSync(authTokenFile, '');
      // As if it had been written now, however late the start is.
      utimesSync(authTokenFile, new Date(), new Date(Date.now() + 3_600_000));
      class Completing extends SystemClock {
        #written = false;

        override sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
          if (milliseconds !== SETTLED_MS) return super.sleep(milliseconds, over);
          if (!this.#written) writeFileSync(authTokenFile, 's3cret\n');
          this.#written = true;
          return Promise.resolve();
        }
      }
      const url = await started(
        CairnSignalModule.forRoot({ settings: { authTokenFile, maxConnections: 100 }, logs, clock: new Completing() }),
      );
      expect((await Peer.connect(url, TOKEN)).isOpen).toBe(true);
      await closeMounted();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('A1: leaves a pipe to who uses it: it can be read only once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-registration-'));
    try {
      const authTokenFile = join(folder, 'pipe');
      spawnSync('mkfifo', [authTokenFile]);
      const writer = spawn(process.execPath, ['-e', `fs.writeFileSync(${JSON.stringify(authTokenFile)}, 's3cret')`]);
      const url = await started(CairnSignalModule.forRoot({ settings: { authTokenFile, maxConnections: 100 }, logs }));
      await Peer.connect(url, TOKEN);
      await closeMounted();
      expect(writer.exitCode ?? (await once(writer, 'exit'))[0]).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("rejects with the factory's own error", async () => {
    const factory = CairnSignalModule.forRootAsync({ useFactory: () => Promise.reject(new Error('sealed')) });
    await expect(application(factory)).rejects.toThrow('sealed');
  });
});

describe('a dependency that is missing', () => {
  @Injectable()
  class GuardWithVault extends Yes {
    constructor(readonly vault: Vault) {
      super();
    }
  }
  @Injectable()
  class PolicyWithVault extends TopicPolicy {
    constructor(readonly vault: Vault) {
      super();
    }

    allows(): boolean {
      return true;
    }
  }

  it.each([
    ['guard', () => CairnSignalModule.forRoot({ guards: [GuardWithVault] })],
    ['policy', () => CairnSignalModule.forRoot({ topicPolicy: PolicyWithVault })],
    ['factory', () => CairnSignalModule.forRootAsync({ inject: [Vault], useFactory: () => ({}) })],
    ['class with options', () => CairnSignalModule.forRootAsync({ useClass: FromVault })],
  ])('of a %s names the registration and its imports', async (_what, registration) => {
    // The application has it, and the registration does not import it.
    const made = application(VaultModule, registration());
    await expect(made).rejects.toThrow(/Vault.* in the CairnSignalModule/);
    await expect(made).rejects.toThrow(/imports: \[/);
  });
});

describe('@nestjs/testing', () => {
  it('replaces a guard of the registration with overrideGuard', async () => {
    const testing = Test.createTestingModule({ imports: [company({ guards: [No] }).module] });
    const module = await testing
      .overrideGuard(No)
      .useValue({ canActivate: () => true })
      .compile();
    const app = module.createNestApplication();
    app.useWebSocketAdapter(new CborWsAdapter(app));
    expect((await Peer.connect((await listen(app)).url)).isOpen).toBe(true);
  });

  it('leaves a guard that is not replaced', async () => {
    const module = await Test.createTestingModule({ imports: [company({ guards: [No] }).module] }).compile();
    const app = module.createNestApplication();
    app.useWebSocketAdapter(new CborWsAdapter(app));
    expect((await Peer.refused((await listen(app)).url)).status).toBe(403);
  });
});

describe('the guards of a registration', () => {
  it('are made once, with their hooks, and in the order given', async () => {
    const events: string[] = [];
    const named = (name: string): new () => CanActivate => {
      class Named implements CanActivate {
        constructor() {
          events.push(`make ${name}`);
        }

        onModuleInit(): void {
          events.push(`init ${name}`);
        }

        canActivate(): boolean {
          events.push(`ask ${name}`);
          return true;
        }
      }
      return Named;
    };
    const { url } = await mount({ guards: [named('a'), named('b')] });
    await Peer.connect(url);
    expect(events.toSorted()).toEqual(['ask a', 'ask b', 'init a', 'init b', 'make a', 'make b']);
    expect(events.slice(-2)).toEqual(['ask a', 'ask b']);
  });

  it('may inject by token', async () => {
    @Injectable()
    class ByToken implements CanActivate {
      constructor(@Inject('answer') private readonly answer: boolean) {}

      canActivate(): boolean {
        return this.answer;
      }
    }
    @Module({ providers: [{ provide: 'answer', useValue: true }], exports: ['answer'] })
    class AnswerModule {}
    const { url } = await mount({ guards: [ByToken], imports: [AnswerModule] });
    expect((await Peer.connect(url)).isOpen).toBe(true);
  });
});

describe('the warning that anyone may connect', () => {
  const OPEN = /^anyone who reaches this address may connect/;
  const warnings = async (
    registration: CairnSignalOptions & Extensions,
    others: ModuleMetadata = {},
  ): Promise<unknown[]> => {
    // On loopback, others come by way of a proxy alone.
    const { log } = await mount(
      { ...registration, settings: { trustedProxies: '127.0.0.1', ...registration.settings } },
      others,
    );
    return log.filter(({ level, msg }) => level === 'warn' && OPEN.test(msg));
  };

  it('is said in an application without token and guard', async () => {
    expect(await warnings({})).toHaveLength(1);
  });

  it.each([
    ['a token', { settings: { authToken: 's3cret' } }, {}],
    ['a guard', { guards: [Yes] }, {}],
    ['a global guard', {}, { providers: [{ provide: APP_GUARD, useClass: Yes }] }],
  ])('is not said with %s', async (_what, registration, others) => {
    expect(await warnings(registration, others)).toEqual([]);
  });
});
