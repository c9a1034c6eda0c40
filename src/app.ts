import 'reflect-metadata';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { BearerTokens } from './auth/bearer-tokens.js';
import { SystemClock } from './clock/clock.js';
import type { Clock } from './clock/clock.js';
import { StartupError } from './config/faults.js';
import type { Settings } from './config/settings.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { Logs } from './logging/log.js';
import { NestLogger } from './logging/nest-logger.js';
import { Reload } from './reload.js';
import { Revocation } from './signaling/revocation.js';
import { CborWsAdapter } from './transport/cbor-ws-adapter.js';
import { HttpListener } from './transport/http-listener.js';
import { authority, listenFault } from './transport/listen-fault.js';
import { loadTlsPair } from './transport/tls.js';

/** Connections that the system may hold for us before we accept them. */
const BACKLOG = 1024;

/** What tests, benchmarks and examples may replace. */
export interface Overrides {
  readonly logs?: Logs;
  readonly clock?: Clock;
}

/** A whole server: made, not listening yet. */
export class SignalServer {
  constructor(
    readonly app: INestApplication,
    private readonly listener: HttpListener,
    private readonly settings: Settings,
    private readonly logs: Logs,
    private readonly files: Reload,
  ) {}

  /** Listens; resolves to the address that was really taken. Rejects with a StartupError that says what to do. */
  async listen(): Promise<AddressInfo> {
    const { host, port } = this.settings.listenAddr;
    const server = this.app.getHttpServer() as Server;
    try {
      server.listen({ host, port, backlog: BACKLOG });
      await once(server, 'listening');
    } catch (error) {
      await this.close();
      throw new StartupError(listenFault(error as NodeJS.ErrnoException, this.settings.listenAddr));
    }
    this.app.get(Lifecycle).serve();
    this.files.start({
      listener: this.listener,
      tokens: this.app.get(BearerTokens, { strict: false }),
      revocation: this.app.get(Revocation, { strict: false }),
    });
    const address = server.address() as AddressInfo;
    this.#announce(address);
    return address;
  }

  /** Reads certificate, key and tokens again, as it does by itself when they change. Connections live on. */
  reload(): void {
    this.files.all();
  }

  /** Drains (at most `drain-delay`, unless `delay` is false, and `drain-timeout`), then ends everything. */
  async close({ delay = true }: { delay?: boolean } = {}): Promise<void> {
    this.files.stop();
    if (!delay) this.app.get(Lifecycle).drain();
    await this.app.close();
  }

  #announce(address: AddressInfo): void {
    const log = this.logs.for('server');
    const tls = this.settings.tlsCert !== undefined;
    const auth = this.app.get(BearerTokens, { strict: false }).required;
    const where = authority(address.address, address.port);
    log.info(`listening on ${tls ? 'wss' : 'ws'}://${where}`, { address: where, tls: onOff(tls), auth: onOff(auth) });
    if (!auth && !isLoopback(address.address)) {
      log.warn('anyone who reaches this address may connect: set auth-token or auth-token-file to ask for a token');
    }
    log.info(`health at ${tls ? 'https' : 'http'}://${where}/health/ready`);
  }
}

/**
 * The composition root: the same for production, tests, benchmarks and examples.
 * Rejects with a StartupError when a file that the settings name cannot be used.
 */
export async function createApp(settings: Settings, overrides: Overrides = {}): Promise<SignalServer> {
  const logs = overrides.logs ?? new Logs({ format: settings.logFormat ?? 'json' });
  const files = new Reload(settings, logs.for('reload'));
  const listener = new HttpListener(settings, loadTlsPair(settings));
  const app = await NestFactory.create(AppModule.with(settings, logs, overrides.clock ?? new SystemClock()), listener, {
    logger: new NestLogger(logs),
    bodyParser: false,
    abortOnError: false,
  });
  app.useWebSocketAdapter(new CborWsAdapter(app));
  await app.init();
  return new SignalServer(app, listener, settings, logs, files);
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
