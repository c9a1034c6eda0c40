import { Injectable, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { AuthModule } from './auth/auth.module.js';
import { BearerTokens } from './auth/bearer-tokens.js';
import { TokenVerifier } from './auth/token-verifier.js';
import { BackplaneModule } from './backplane/backplane.module.js';
import { Clock, SystemClock } from './clock/clock.js';
import { ClockModule } from './clock/clock.module.js';
import { ConfigModule } from './config/config.module.js';
import { ConfigurationError, StartupError } from './config/faults.js';
import { parseSettings } from './config/load-settings.js';
import { nodeWarnings } from './config/node-version.js';
import { Settings } from './config/settings.js';
import type { SettingName, SettingsInput } from './config/settings.js';
import type { Extensions } from './extensions.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { LifecycleModule } from './lifecycle/lifecycle.module.js';
import { Logs } from './logging/log.js';
import { LoggingModule } from './logging/logging.module.js';
import { ExpositionModule } from './exposition/exposition.module.js';
import { CertificateExpiry } from './metrics/certificate-expiry.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { PresenceModule } from './presence/presence.module.js';
import { RecordsModule } from './records/records.module.js';
import { Reload } from './reload.js';
import { Revocation } from './signaling/revocation.js';
import { SignalingModule } from './signaling/signaling.module.js';

/** What everything is made with. */
export interface Parts {
  readonly settings: Settings;
  readonly logs: Logs;
  readonly clock: Clock;
  readonly extensions: Extensions;
}

const ITS_CLASSES = 'an application gives the classes themselves, beside settings';
const ITS_LISTENERS = 'an application has listeners of its own';
const ITS_PATHS = 'an application answers plain HTTP by itself';
/** Settings that are an application's own business, and why. */
const OF_THE_APPLICATION: readonly (readonly [SettingName, string])[] = [
  ['guards', ITS_CLASSES],
  ['topicPolicy', ITS_CLASSES],
  ['listenAddr', ITS_LISTENERS],
  ['tlsCert', ITS_LISTENERS],
  ['managementAddr', ITS_LISTENERS],
  ['managementHosts', ITS_LISTENERS],
  ['metricsToken', ITS_LISTENERS],
  ['handshakeTimeout', ITS_LISTENERS],
  ['maxPlainConnections', ITS_LISTENERS],
  ['checkPage', ITS_PATHS],
  ['backplaneRequired', ITS_PATHS],
];

/** What an application tells that mounts the server (docs/extending.md). */
export interface Registration extends Extensions {
  /** As in a configuration file; those of listeners, TLS and of files with code are the application's own business, and a fault. */
  readonly settings?: SettingsInput;
  /** Where the server's log goes; JSON on standard output by default. */
  readonly logs?: Logs;
}

/** The modules that relay, without listeners and pages, and every arrow between them. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- named once, below
export function coreOf({ settings, logs, clock: time, extensions }: Parts) {
  const { imports = [], guards = [], topicPolicy } = extensions;
  const config = ConfigModule.forSettings(settings);
  const clock = ClockModule.forClock(time);
  const logging = LoggingModule.forLogs(logs);
  const lifecycle = LifecycleModule;
  const metrics = MetricsModule;
  const presence = { module: PresenceModule, imports: [clock, metrics] };
  const auth = AuthModule.with(guards, [config, clock, logging, lifecycle, metrics, presence, ...imports]);
  const records = { module: RecordsModule, imports: [config, clock] };
  const backplane = { module: BackplaneModule, imports: [config, clock, logging, metrics] };
  const signaling = SignalingModule.with(topicPolicy, [
    config,
    clock,
    logging,
    lifecycle,
    metrics,
    auth,
    presence,
    records,
    backplane,
    ...imports,
  ]);
  const exposition = { module: ExpositionModule, imports: [config, lifecycle, metrics, presence, records, backplane] };
  return { config, clock, logging, lifecycle, metrics, presence, auth, records, backplane, signaling, exposition };
}

/** The gateway and all behind it, for an application that has listeners of its own. */
@Module({})
export class CairnSignalModule {
  /** Throws a ConfigurationError that lists every fault of the settings. The application also needs CborWsAdapter. */
  static register({ settings: input = {}, logs, ...extensions }: Registration = {}): DynamicModule {
    const faults = OF_THE_APPLICATION.filter(([name]) => input[name] !== undefined).map(
      ([name, why]) => `${name}: ${why}`,
    );
    if (faults.length > 0) throw new ConfigurationError(faults);
    const settings = parseSettings(input);
    const parts = {
      settings,
      logs: logs ?? new Logs({ format: settings.logFormat ?? 'json' }),
      clock: new SystemClock(),
      extensions,
    };
    return { ...CairnSignalModule.of(coreOf(parts)), providers: [Serving] };
  }

  /** All of them, for whoever imports this. */
  static of(core: ReturnType<typeof coreOf>): DynamicModule {
    const modules = Object.values(core);
    return { module: CairnSignalModule, imports: modules, exports: modules };
  }
}

/**
 * Begins to serve as soon as the application that mounts the server is up, and reads tokens and keys again for as long as it is.
 * Throws where it is mounted twice: the guards of one would decide for both.
 */
@Injectable()
export class Serving implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #files: Reload;

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly expiry: CertificateExpiry,
    private readonly tokens: BearerTokens,
    private readonly verifier: TokenVerifier,
    private readonly revocation: Revocation,
    settings: Settings,
    clock: Clock,
    logs: Logs,
    modules: ModulesContainer,
  ) {
    const mounted = [...modules.values()].filter(({ metatype }) => metatype === CairnSignalModule);
    if (mounted.length > 1) {
      throw new StartupError(
        'CairnSignalModule is registered more than once in this application: the guards of one would decide for all',
      );
    }
    for (const warning of nodeWarnings()) logs.for('server').warn(warning);
    this.#files = new Reload(settings, clock, logs.for('reload'));
  }

  onApplicationBootstrap(): void {
    const { expiry, tokens, verifier, revocation } = this;
    this.#files.start({ listener: undefined, expiry, tokens, verifier, revocation });
    this.lifecycle.serve();
  }

  onApplicationShutdown(): void {
    this.#files.stop();
  }
}
