import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { Access } from './auth/access.js';
import type { Clock } from './clock/clock.js';
import { StartupError } from './config/faults.js';
import type { Settings } from './config/settings.js';
import type { ListenAddress } from './config/values.js';
import { CodeInUse } from './code-in-use.js';
import { codeFiles, loadExtensions } from './extensions.js';
import type { Extensions } from './extensions.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { Reload } from './lifecycle/reload.js';
import { Logs } from './logging/log.js';
import { NestLogger } from './logging/nest-logger.js';
import { CborWsAdapter } from './transport/cbor-ws-adapter.js';
import { HttpListener } from './transport/http-listener.js';
import { addressText, listenFault } from './transport/listen-fault.js';
import type { AddressSetting } from './transport/listen-fault.js';
import { addressOf, listenOn } from './transport/listening.js';
import type { InheritedSocket } from './transport/listening.js';

/** What tests, benchmarks and examples may replace, or add to what the settings name. */
export interface Overrides extends Extensions {
  readonly logs?: Logs;
  readonly clock?: Clock;
}

/**
 * A complete server that does not listen yet. Owns the Nest application. Knows nothing of messages.
 * Invariant: after `close`, or a failed `listen`, nothing is left open.
 */
export class SignalServer {
  constructor(
    readonly app: INestApplication,
    private readonly listener: HttpListener,
    private readonly settings: Settings,
    private readonly code: CodeInUse,
    private readonly logs: Logs,
  ) {}

  /**
   * Listens, on sockets that already listen if there are any. Resolves to the address that was really taken. Rejects
   * with a
   * StartupError that says what to do.
   */
  async listen(inherited: { listen?: InheritedSocket; management?: InheritedSocket } = {}): Promise<AddressInfo> {
    const { listenAddr, managementAddr } = this.settings;
    const server = this.app.getHttpServer() as Server;
    await this.#listenOn(server, inherited.listen, listenAddr, 'listen-addr');
    const { management } = this.listener;
    if (management !== undefined) {
      await this.#listenOn(management, inherited.management, managementAddr!, 'management-addr');
    }
    const address = addressOf(server);
    this.#announce(address);
    return address;
  }

  /** Address of the management listener, once it listens; undefined without one. */
  get management(): AddressInfo | undefined {
    const { management } = this.listener;
    return management?.listening === true ? addressOf(management) : undefined;
  }

  /**
   * Reads certificates, keys, tokens and the keys of JWTs again, as the server also does when they change. Resolves
   * when that is done. Existing connections stay. Code is not loaded again: the log tells of files that have changed.
   */
  async reload(): Promise<void> {
    await Promise.all([this.app.get(Reload).all(), this.code.tellOfChanges()]);
  }

  /** Drains for at most `drain-delay` (unless `delay` is false) and `drain-timeout`, then closes everything. */
  async close({ delay = true }: { delay?: boolean } = {}): Promise<void> {
    if (!delay) this.app.get(Lifecycle).drain();
    await this.app.close();
  }

  /** D2: refuses whoever waits to be let in, and everyone from now on, for a process that ends without a drain. */
  refuseNewcomers(): void {
    this.app.get(Lifecycle).drain();
  }

  async #listenOn(
    server: Server,
    inherited: InheritedSocket | undefined,
    address: ListenAddress,
    setting: AddressSetting,
  ): Promise<void> {
    try {
      const others = await listenOn(server, inherited ?? address);
      this.listener.others.push(...others);
      for (const other of others) {
        this.logs.for('server').write('listening_too', {}, { setting, where: textOf(addressOf(other)) });
      }
    } catch (error) {
      await this.close({ delay: false });
      if (inherited !== undefined) {
        throw new StartupError(
          `cannot listen on handle ${inherited.fd}, which LISTEN_FDS names: ${(error as Error).message}`,
        );
      }
      throw new StartupError(listenFault(error as NodeJS.ErrnoException, address, setting));
    }
  }

  #announce(address: AddressInfo): void {
    const log = this.logs.for('server');
    const tls = this.settings.tlsCert !== undefined;
    const jwt = this.settings.jwtIssuer !== undefined;
    const { open } = this.app.get(Access, { strict: false });
    const where = textOf(address);
    log.write(
      'listening',
      { address: where, tls: onOff(tls), auth: onOff(!open), jwt: onOff(jwt) },
      { where: unix(address) ? where : `${tls ? 'wss' : 'ws'}://${where}` },
    );
    if (!unix(address)) log.write('health_at', {}, { where: `${tls ? 'https' : 'http'}://${where}/health/ready` });
    const { management } = this;
    if (management !== undefined) {
      const there = textOf(management);
      log.write('management_at', {}, { where: unix(management) ? there : `http://${there}/` });
    }
  }
}

/**
 * The composition root: the same for production, tests, benchmarks and examples. Rejects with a StartupError if a file
 * that the settings name cannot be used.
 */
export async function createApp(settings: Settings, overrides: Overrides = {}): Promise<SignalServer> {
  const { clock, logs = new Logs({ format: settings.logFormat ?? 'json' }), ...added } = overrides;
  const code = await CodeInUse.of(codeFiles(settings), logs.for('reload'));
  const loaded = await loadExtensions(settings);
  const extensions = { ...added, ...loaded, guards: [...(added.guards ?? []), ...loaded.guards!] };
  const module = AppModule.forRoot(settings, extensions, { logs, ...(clock && { clock }) });
  const listener = new HttpListener(settings);
  const options = { logger: new NestLogger(logs), bodyParser: false, abortOnError: false } as const;
  const app = await NestFactory.create(module, listener, options).catch((error: unknown) =>
    explainMissing(error, extensions),
  );
  app.useWebSocketAdapter(new CborWsAdapter(app));
  try {
    await app.init();
  } catch (error) {
    // Nobody was served yet, so there is nobody to wait for.
    app.get(Lifecycle).drain();
    await app.close();
    throw error;
  }
  return new SignalServer(app, listener, settings, code, logs);
}

/**
 * Explains why a custom guard, policy or provider cannot be made: it injects something that is not there. That is not our own
 * fault.
 */
function explainMissing(error: unknown, { iceProvider }: Extensions): never {
  if (!(error instanceof Error) || error.constructor.name !== 'UnknownDependenciesException') throw error;
  const what =
    iceProvider === undefined ? 'a guard or the topic policy' : 'a guard, the topic policy or the ICE provider';
  throw new StartupError(`${what} cannot be made: ${error.message.split('\n')[0]}`);
}

function unix({ family }: AddressInfo): boolean {
  return family === 'Unix';
}

function textOf(address: AddressInfo): string {
  const { address: host, port } = address;
  return addressText(unix(address) ? { path: host, mode: 0 } : { host, port });
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
