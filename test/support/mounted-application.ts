import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import type { INestApplication, ModuleMetadata, WebSocketAdapter } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CairnSignalModule, CborWsAdapter, Logs } from '../../src/embedding.js';
import type { CairnSignalOptions, Extensions } from '../../src/embedding.js';
import { LogFilter } from '../../src/logging/log-filter.js';
import { LogCheck } from './log-faults.js';
import type { LogLine } from './server.js';

/** An application that mounts the server and listens on a free port of loopback. */
export interface MountedApplication {
  readonly application: INestApplication;
  readonly server: Server;
  readonly url: string;
  readonly http: string;
  readonly log: readonly LogLine[];
}

export type AdapterOf = (application: INestApplication) => WebSocketAdapter;

const running = new Set<INestApplication>();
const check = new LogCheck();

/** A module that registers the server beside what else is given, and the log that the server writes. */
export function company(
  registration: CairnSignalOptions & Extensions = {},
  { imports = [], ...others }: ModuleMetadata = {},
): { module: new () => object; log: LogLine[] } {
  const log: LogLine[] = [];
  const { settings, ...options } = registration;
  @Module({
    imports: [
      CairnSignalModule.forRoot({
        settings: { maxConnections: 100, drainTimeout: '1s', ...settings },
        ...(options.logger === undefined && {
          logs: new Logs({
            format: 'json',
            filter: LogFilter.parse('info')!,
            destination: {
              write: (text: string) => {
                const line = JSON.parse(text) as LogLine;
                log.push(line);
                check.line(line);
              },
            },
          }),
        }),
        ...options,
      }),
      ...imports,
    ],
    ...others,
  })
  class Company {}
  return { module: Company, log };
}

/** Starts an application that mounts the server; closeMounted ends it. */
export async function mount(
  registration: CairnSignalOptions & Extensions = {},
  others: ModuleMetadata = {},
  adapter: AdapterOf = (application) => new CborWsAdapter(application),
): Promise<MountedApplication> {
  const { module, log } = company(registration, others);
  const application = await NestFactory.create(module, { logger: false, abortOnError: false });
  application.useWebSocketAdapter(adapter(application));
  return { ...(await listen(application)), log };
}

/** Lets an application listen on a free port of loopback; closeMounted ends it. */
export async function listen(application: INestApplication): Promise<Omit<MountedApplication, 'log'>> {
  running.add(application);
  await application.listen(0, '127.0.0.1');
  const server = application.getHttpServer() as Server;
  const { port } = server.address() as AddressInfo;
  return { application, server, url: `ws://127.0.0.1:${port}`, http: `http://127.0.0.1:${port}` };
}

/** Ends every application that was mounted. Rejects where a line of their logs was not as in the table of events. */
export async function closeMounted(): Promise<void> {
  const all = [...running];
  running.clear();
  await Promise.all(all.map((application) => application.close()));
  check.done();
}
