import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ModulesContainer } from '@nestjs/core';
import { startServer, stopServers } from './support/server.js';

const ROOT = fileURLToPath(new URL('../src', import.meta.url));

/** Which folders a folder of src/ may import, besides itself. The same picture as docs/architecture.md. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  config: [],
  clock: [],
  lifecycle: [],
  logging: ['config'],
  metrics: ['protocol', 'config'],
  presence: ['protocol', 'config', 'lifecycle', 'logging'],
  auth: ['protocol', 'config', 'clock', 'lifecycle', 'logging', 'metrics'],
  records: ['config', 'clock'],
  backplane: ['protocol', 'config', 'clock', 'logging', 'metrics'],
  signaling: ['protocol', 'config', 'clock', 'lifecycle', 'logging', 'metrics', 'presence', 'records', 'backplane', 'auth'],
  transport: ['protocol', 'config', 'clock', 'lifecycle', 'logging', 'metrics', 'auth', 'presence/connection', 'presence/source'],
  health: ['config', 'lifecycle', 'logging', 'backplane'],
  http: ['protocol', 'config', 'lifecycle', 'logging', '.'],
  cli: ['config', 'logging', 'auth', 'backplane/nats-options', 'transport', '.'],
  '.': ['cli', 'config', 'clock', 'lifecycle', 'logging', 'metrics', 'presence', 'records', 'backplane', 'auth', 'signaling', 'transport', 'health', 'http'],
};

/** Packages that only some folders may use. */
const PACKAGES: Record<string, readonly string[]> = {
  ws: ['transport'],
  '@nestjs/platform-ws': ['transport'],
  '@nestjs/platform-express': ['transport'],
  'cbor-x': ['protocol'],
  pino: ['logging'],
  'pino-pretty': ['logging'],
  yaml: ['config'],
  zod: ['config', 'protocol'],
  '@nestjs/terminus': ['health'],
  '@nats-io/transport-node': ['backplane'],
  rxjs: [],
};

/** Which of our Nest modules a module imports. */
const MODULES: Record<string, readonly string[]> = {
  ClockModule: [],
  ConfigModule: [],
  LifecycleModule: [],
  LoggingModule: [],
  MetricsModule: [],
  PresenceModule: [],
  AuthModule: ['ClockModule', 'ConfigModule', 'LoggingModule', 'MetricsModule'],
  RecordsModule: ['ClockModule', 'ConfigModule'],
  BackplaneModule: ['ClockModule', 'ConfigModule', 'LoggingModule', 'MetricsModule'],
  SignalingModule: ['AuthModule', 'BackplaneModule', 'ClockModule', 'ConfigModule', 'LifecycleModule', 'LoggingModule', 'MetricsModule', 'PresenceModule', 'RecordsModule'],
  HealthModule: ['BackplaneModule', 'ConfigModule', 'LifecycleModule'],
  HttpModule: ['LoggingModule'],
};

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const source = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const folderOf = (file: string): string => dirname(file).split('/')[0];
const imports: Import[] = files.flatMap((file) =>
  [...source(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => ({ from: file, specifier: match[1] })),
);

describe('the architecture', () => {
  it('every folder is in the picture', () => {
    expect([...new Set(files.map(folderOf))].toSorted()).toEqual(Object.keys(MAY_IMPORT).toSorted());
  });

  it('folders import only what the picture allows', () => {
    const wrong = imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ from, specifier }) => ({ from, to: relative(ROOT, join(ROOT, dirname(from), specifier)).replace(/\.js$/, '') }))
      .filter(({ from, to }) => folderOf(to) !== folderOf(from))
      .filter(({ from, to }) => !MAY_IMPORT[folderOf(from)].some((allowed) => to === allowed || folderOf(to) === allowed));
    expect(wrong).toEqual([]);
  });

  it('the Nest modules import each other as app.module.ts says, and only so', async () => {
    const { server } = await startServer();
    const modules = [...server.app.get(ModulesContainer).values()].filter(({ metatype }) => metatype.name in MODULES || metatype.name === 'AppModule');
    const graph = Object.fromEntries(
      modules.map((module) => [module.metatype.name, [...module.imports].map(({ metatype }) => metatype.name).filter((name) => name in MODULES).toSorted()]),
    );
    await stopServers();
    expect(graph).toEqual({ ...MODULES, AppModule: Object.keys(MODULES).toSorted() });
  });

  it('packages stay in the folders that own them', () => {
    const wrong = imports.filter(({ from, specifier }) => {
      const allowed = PACKAGES[specifier];
      return allowed !== undefined && !allowed.includes(folderOf(from));
    });
    expect(wrong).toEqual([]);
  });

  it('every package that is imported is a dependency, and every dependency is used', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, '../package.json'), 'utf8')) as { dependencies: Record<string, string> };
    const used = new Set(imports.map(({ specifier }) => specifier).filter((specifier) => !/^(\.|node:)/.test(specifier)));
    // rxjs is a peer of Nest's that applications must bring along.
    expect([...used, 'rxjs'].toSorted()).toEqual(Object.keys(dependencies).toSorted());
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
    expect(files.filter((file) => source(file).split('\n').length > 320)).toEqual([]);
  });
});
