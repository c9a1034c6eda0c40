import 'reflect-metadata';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { AddedGuards } from './auth/custom-guards.js';
import { BearerTokens } from './auth/bearer-tokens.js';
import { isOpen } from './auth/is-open.js';
import { TokenVerifier } from './auth/token-verifier.js';
import { SystemClock } from './clock/clock.js';
import type { Clock } from './clock/clock.js';
import { StartupError } from './config/faults.js';
import type { Settings } from './config/settings.js';
import { readAtStart } from './config/settled-files.js';
import type { ListenAddress } from './config/values.js';
import { loadExtensions } from './extensions.js';
import type { Extensions } from './extensions.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { Logs } from './logging/log.js';
import { NestLogger } from './logging/nest-logger.js';
import { CertificateExpiry } from './metrics/certificate-expiry.js';
import { Reload } from './reload.js';
import { Revocation } from './signaling/revocation.js';
import { CborWsAdapter } from './transport/cbor-ws-adapter.js';
import { HttpListener } from './transport/http-listener.js';
import { authority, listenFault } from './transport/listen-fault.js';
import type { AddressSetting } from './transport/listen-fault.js';
import { isLoopback } from './transport/loopback.js';
import { expiryOf, loadTlsPair, tlsFiles } from './transport/tls.js';

/** Connections that the system may hold for us before we accept them. */
const BACKLOG = 1024;

/** What tests, benchmarks and examples may replace, or add to what the settings name. */
export interface Overrides extends Extensions {
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
    const { listenAddr, managementAddr } = this.settings;
    const server = this.app.getHttpServer() as Server;
    await this.#listenOn(server, listenAddr, 'listen-addr');
    const { management } = this.listener;
    if (management !== undefined) await this.#listenOn(management, managementAddr!, 'management-addr');
    this.app.get(Lifecycle).serve();
    this.files.start({
      listener: this.listener,
      expiry: this.app.get(CertificateExpiry, { strict: false }),
      tokens: this.app.get(BearerTokens, { strict: false }),
      verifier: this.app.get(TokenVerifier, { strict: false }),
      revocation: this.app.get(Revocation, { strict: false }),
    });
    const address = server.address() as AddressInfo;
    this.#announce(address);
    return address;
  }

  /** The address taken for management, once listening; undefined without one. */
  get management(): AddressInfo | undefined {
    return (this.listener.management?.address() ?? undefined) as AddressInfo | undefined;
  }

  /** Reads certificates, key, tokens and keys of JWTs again, as it does by itself when they change; fulfilled when that is done. Connections live on. */
  reload(): Promise<void> {
    return this.files.all();
  }

  /** Drains (at most `drain-delay`, unless `delay` is false, and `drain-timeout`), then ends everything. */
  async close({ delay = true }: { delay?: boolean } = {}): Promise<void> {
    this.files.stop();
    if (!delay) this.app.get(Lifecycle).drain();
    await this.app.close();
  }

  async #listenOn(server: Server, address: ListenAddress, setting: AddressSetting): Promise<void> {
    try {
      server.listen({ ...address, backlog: BACKLOG });
      await once(server, 'listening');
    } catch (error) {
      await this.close();
      throw new StartupError(listenFault(error as NodeJS.ErrnoException, address, setting));
    }
  }

  #announce(address: AddressInfo): void {
    const log = this.logs.for('server');
    const tls = this.settings.tlsCert !== undefined;
    const jwt = this.settings.jwtIssuer !== undefined;
    const open = isOpen(this.settings, {
      tokens: this.app.get(BearerTokens, { strict: false }).required,
      guards: this.app.get(AddedGuards, { strict: false }).inOrder.length > 0,
    });
    const where = authority(address.address, address.port);
    log.info(`listening on ${tls ? 'wss' : 'ws'}://${where}`, {
      address: where,
      tls: onOff(tls),
      auth: onOff(!open),
      jwt: onOff(jwt),
    });
    if (open && (!isLoopback(address.address) || this.settings.trustedProxies !== undefined)) {
      log.warn(
        'anyone who reaches this address may connect, by way of a proxy too: set auth-token, auth-token-file or jwt-issuer to ask for a token',
      );
    }
    log.info(`health at ${tls ? 'https' : 'http'}://${where}/health/ready`);
    const { management } = this;
    if (management !== undefined) {
      log.info(
        `status page, metrics and health for operators at http://${authority(management.address, management.port)}/`,
      );
    }
  }
}

/**
 * The composition root: the same for production, tests, benchmarks and examples.
 * Rejects with a StartupError when a file that the settings name cannot be used.
 */
export async function createApp(
  settings: Settings,
  { clock = new SystemClock(), logs = new Logs({ format: settings.logFormat ?? 'json' }), ...added }: Overrides = {},
): Promise<SignalServer> {
  const loaded = await loadExtensions(settings);
  const extensions = { ...added, ...loaded, guards: [...(added.guards ?? []), ...loaded.guards!] };
  const files = new Reload(settings, clock, logs.for('reload'));
  const tls = await readAtStart(tlsFiles(settings), clock, () => loadTlsPair(settings));
  const listener = new HttpListener(settings, tls);
  const app = await NestFactory.create(AppModule.with({ settings, logs, clock, extensions }), listener, {
    logger: new NestLogger(logs),
    bodyParser: false,
    abortOnError: false,
  }).catch(explainMissing);
  app.useWebSocketAdapter(new CborWsAdapter(app));
  await app.init();
  if (tls !== undefined) app.get(CertificateExpiry, { strict: false }).at = expiryOf(tls);
  return new SignalServer(app, listener, settings, logs, files);
}

/** A guard or policy of others' making may ask for something that is not there: that is no fault of ours. */
function explainMissing(error: unknown): never {
  if (!(error instanceof Error) || error.constructor.name !== 'UnknownDependenciesException') throw error;
  throw new StartupError(`a guard or the topic policy cannot be made: ${error.message.split('\n')[0]}`);
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
