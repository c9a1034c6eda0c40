import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import { ModulesContainer } from '@nestjs/core';
import { startServer, stopServers } from './support/server.js';

const ROOT = fileURLToPath(new URL('../src', import.meta.url));

/** Which folders a folder of src/ may import, besides itself. The same picture as docs/architecture.md. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  audit: ['connection', 'protocol', 'config', 'clock', 'logging', 'metrics'],
  protocol: [],
  config: [],
  clock: [],
  lifecycle: ['config', 'clock', 'logging'],
  logging: ['config', 'clock'],
  metrics: ['protocol', 'config'],
  connection: ['protocol', 'config'],
  principals: ['connection', 'protocol', 'config', 'clock', 'metrics'],
  presence: ['connection', 'protocol', 'config', 'clock', 'metrics'],
  auth: ['connection', 'protocol', 'config', 'clock', 'lifecycle', 'logging', 'metrics'],
  operators: [
    'audit',
    'auth',
    'backplane',
    'clock',
    'config',
    'connection',
    'http/json-failure',
    'http/management-path',
    'lifecycle',
    'logging',
    'metrics',
    'presence',
    'protocol',
    'transport/refusal-log',
    'transport/transport.module',
  ],
  ice: [
    'audit',
    'auth',
    'clock',
    'config',
    'connection',
    'http/json-failure',
    'lifecycle',
    'logging',
    'metrics',
    'protocol',
    'transport/throttle',
    'transport/transport.module',
    'transport/upgrade-gate',
  ],
  records: ['config', 'clock'],
  backplane: ['protocol', 'config', 'clock', 'logging', 'metrics'],
  signaling: [
    'connection',
    'protocol',
    'config',
    'clock',
    'lifecycle',
    'logging',
    'metrics',
    'presence',
    'records',
    'backplane',
    'auth',
    'audit',
    'ice',
    'principals',
    '.',
  ],
  transport: [
    'http/management-path',
    'http/json-failure',
    'connection',
    'protocol',
    'config',
    'clock',
    'lifecycle',
    'logging',
    'metrics',
    'auth',
    'audit',
    'principals',
  ],
  health: ['config', 'clock', 'lifecycle', 'logging', 'metrics', 'presence', 'backplane', 'http/management-path', '.'],
  exposition: [
    'protocol',
    'config',
    'lifecycle',
    'logging',
    'metrics',
    'presence',
    'records',
    'backplane',
    'auth',
    'http/management-path',
    '.',
  ],
  status: [
    'exposition',
    'protocol',
    'clock',
    'metrics',
    'http/management-path',
    'http/root.controller',
    'http/static-files',
    '.',
  ],
  http: ['protocol', 'config', 'lifecycle', 'logging', '.'],
  doctor: ['protocol', 'config', 'clock', 'turn'],
  turn: [],
  check: ['auth', 'http', 'transport'],
  cli: ['config', 'clock', 'logging', 'auth', 'backplane/nats-options', 'transport', 'doctor', 'ice/closed', '.'],
  '.': [
    'audit',
    'ice',
    'cli',
    'config',
    'clock',
    'lifecycle',
    'logging',
    'metrics',
    'operators',
    'presence',
    'principals',
    'records',
    'backplane',
    'auth',
    'signaling',
    'transport',
    'health',
    'exposition',
    'status',
    'http',
    'check',
    'connection',
  ],
};

/** Packages that only some folders may use. */
const PACKAGES: Record<string, readonly string[]> = {
  ws: ['doctor'],
  '@nestjs/platform-ws': ['transport'],
  '@nestjs/platform-express': ['transport'],
  '#cbor-x': ['protocol', 'doctor'],
  jose: ['auth'],
  pino: ['logging'],
  'pino-pretty': ['logging'],
  yaml: ['config'],
  zod: ['config', 'protocol'],
  '@nestjs/config': ['config', '.'],
  '@nestjs/terminus': ['health'],
  '@nats-io/transport-node': ['backplane'],
  'prom-client': ['metrics', 'exposition'],
  uplot: ['status'],
  rxjs: ['auth'],
};

/** Which of our Nest modules a module imports. CairnSignalModule is global: it provides what everything needs. */
const MODULES: Record<string, readonly string[]> = {
  AppModule: [
    'CairnSignalModule',
    'CheckModule',
    'ConfigModule',
    'HealthModule',
    'HttpModule',
    'IceEndpointModule',
    'MetricsEndpointModule',
    'OperatorsEndpointModule',
    'StatusModule',
  ],
  CairnSignalModule: [
    'AuditModule',
    'AuthModule',
    'BackplaneModule',
    'ExpositionModule',
    'HealthIndicatorsModule',
    'IceModule',
    'MetricsModule',
    'OperatorsModule',
    'PresenceModule',
    'PrincipalsModule',
    'RecordsModule',
    'SignalingModule',
    'TransportModule',
  ],
  ConfigModule: [],
  MetricsModule: [],
  AuditModule: ['MetricsModule'],
  PresenceModule: ['MetricsModule'],
  PrincipalsModule: ['MetricsModule'],
  AuthModule: ['MetricsModule'],
  RecordsModule: [],
  BackplaneModule: ['MetricsModule'],
  SignalingModule: [
    'AuditModule',
    'AuthModule',
    'BackplaneModule',
    'IceModule',
    'MetricsModule',
    'PresenceModule',
    'PrincipalsModule',
    'RecordsModule',
  ],
  TransportModule: ['AuditModule', 'AuthModule', 'MetricsModule', 'PrincipalsModule'],
  ExpositionModule: ['BackplaneModule', 'MetricsModule', 'PresenceModule', 'RecordsModule'],
  HealthIndicatorsModule: ['BackplaneModule', 'MetricsModule', 'PresenceModule'],
  HealthModule: ['HealthIndicatorsModule'],
  MetricsEndpointModule: ['AuthModule', 'ExpositionModule'],
  OperatorsModule: ['BackplaneModule', 'PresenceModule'],
  OperatorsEndpointModule: ['AuditModule', 'MetricsModule', 'OperatorsModule', 'TransportModule'],
  StatusModule: ['ExpositionModule'],
  HttpModule: [],
  IceModule: ['AuditModule', 'AuthModule', 'MetricsModule'],
  IceEndpointModule: ['IceModule', 'MetricsModule', 'TransportModule'],
  CheckModule: ['TransportModule'],
};

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
/** `uplot/dist/uPlot.min.css` -> `uplot` */
const packageOf = (specifier: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0];
const source = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const folderOf = (file: string): string => dirname(file).split('/')[0];
const imports: Import[] = files.flatMap((file) =>
  [...source(file).matchAll(/(?:\b(?:from|import)\s*\(?\s*|resolve\()'([^'\n]+)'/g)].map((match) => ({
    from: file,
    specifier: match[1],
  })),
);

/** Nest has a ConfigModule too, and ours wraps it. */
const isOurs = (metatype: { readonly name: string }): boolean =>
  metatype.name in MODULES && metatype !== NestConfigModule;

describe('the architecture', () => {
  it('every folder is in the picture', () => {
    expect([...new Set(files.map(folderOf))].toSorted()).toEqual(Object.keys(MAY_IMPORT).toSorted());
  });

  it('folders import only what the picture allows', () => {
    const wrong = imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ from, specifier }) => ({
        from,
        to: relative(ROOT, join(ROOT, dirname(from), specifier)).replace(/\.js$/, ''),
      }))
      .filter(({ from, to }) => folderOf(to) !== folderOf(from))
      .filter(
        ({ from, to }) => !MAY_IMPORT[folderOf(from)].some((allowed) => to === allowed || folderOf(to) === allowed),
      );
    expect(wrong).toEqual([]);
  });

  it('the Nest modules import each other as the picture says, and only so', async () => {
    const { server } = await startServer();
    const modules = [...server.app.get(ModulesContainer).values()].filter(({ metatype }) => isOurs(metatype));
    const graph = Object.fromEntries(
      modules.map(({ metatype: { name }, imports: imported }) => [
        name,
        [...imported]
          .filter(({ metatype }) => isOurs(metatype))
          .map(({ metatype }) => metatype.name)
          // Nest adds the global module to all others.
          .filter((other) => other !== 'CairnSignalModule' || name === 'AppModule')
          .toSorted(),
      ]),
    );
    await stopServers();
    expect(graph).toEqual(MODULES);
  });

  it('packages stay in the folders that own them', () => {
    const wrong = imports.filter(({ from, specifier }) => {
      const allowed = PACKAGES[packageOf(specifier)];
      return allowed !== undefined && !allowed.includes(folderOf(from));
    });
    expect(wrong).toEqual([]);
  });

  it('every package that is imported is a dependency or carried along, and every dependency is used', () => {
    const {
      dependencies,
      peerDependencies,
      imports: carried,
    } = JSON.parse(readFileSync(join(ROOT, '../package.json'), 'utf8')) as Record<string, Record<string, string>>;
    const used = new Set(
      imports
        .map(({ specifier }) => specifier)
        .filter((specifier) => !/^(\.|node:)/.test(specifier))
        .map(packageOf),
    );
    expect([...used].toSorted()).toEqual(Object.keys({ ...dependencies, ...peerDependencies, ...carried }).toSorted());
  });

  it('every command but serve is loaded without Nest, so that it starts at once', () => {
    const loaded = new Set<string>();
    const packages = new Set<string>();
    const load = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      for (const [, specifier] of source(file).matchAll(/^import (?!type\b)(?:[^;]*? from )?'([^']+)';/gm)) {
        if (specifier.startsWith('.')) {
          load(relative(ROOT, join(ROOT, dirname(file), specifier)).replace(/\.js$/, '.ts'));
        } else packages.add(specifier);
      }
    };
    const commands = ['cli/run.ts', 'cli/check-config.ts', 'cli/healthcheck.ts', 'cli/doctor.ts', 'cli/operators.ts'];
    for (const file of commands) load(file);
    expect([...loaded]).toEqual(expect.arrayContaining(['doctor/peer.ts', 'config/settings.ts']));
    expect([...packages].filter((name) => /nest|rxjs|reflect-metadata/.test(name))).toEqual([]);
  });

  it('there are no barrels and no folders for whatever is left over', () => {
    const names = files.flatMap((file) => file.replace(/\.ts$/, '').split('/'));
    const unwanted = /^(index|utils?|common|shared|helpers?|types|constants|interfaces|dto|misc)$/;
    expect(names.filter((name) => unwanted.test(name))).toEqual([]);
  });

  it('nothing works around the module graph or the types', () => {
    const unwanted = /forwardRef|@Global|\bas any\b|: any\b|enableShutdownHooks|ts-ignore|ts-nocheck/;
    expect(files.filter((file) => unwanted.test(source(file)))).toEqual([]);
  });

  it('a file stays short enough to read', () => {
    expect(files.filter((file) => source(file).split('\n').length > 350)).toEqual([]);
  });
});
