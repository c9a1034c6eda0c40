import { ConfigurableModuleBuilder, Inject, Module, Scope, UseGuards } from '@nestjs/common';
import type { DynamicModule, OnModuleInit, Provider, Type } from '@nestjs/common';
import { ApplicationConfig, ModuleRef, ModulesContainer } from '@nestjs/core';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { CustomGuardList } from './auth/custom-guards.js';
import { BackplaneModule } from './backplane/backplane.module.js';
import { Clock, SystemClock } from './clock/clock.js';
import { StartupError } from './config/faults.js';
import { nodeWarnings } from './config/node-version.js';
import { Settings } from './config/settings.js';
import type { SettingsInput } from './config/settings.js';
import { embeddedSettings } from './embedded-settings.js';
import { ApplicationRegistry, REGISTRY } from './exposition/application-registry.js';
import type { MetricsRegistry } from './exposition/application-registry.js';
import { ExpositionModule } from './exposition/exposition.module.js';
import type { Extensions } from './extensions.js';
import { HealthIndicatorsModule } from './health/health-indicators.module.js';
import { IceModule } from './ice/ice.module.js';
import { IceProvider, IceProviderSource, NoIceProvider } from './ice/ice-provider.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { Reload } from './lifecycle/reload.js';
import { ApplicationLog } from './logging/application-logger.js';
import type { ApplicationLogger } from './logging/application-logger.js';
import { readLogFilter } from './logging/log-filter.js';
import type { LogFilter } from './logging/log-filter.js';
import { Logs } from './logging/log.js';
import { makerOf } from './logging/name-of.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { OperatorsModule } from './operators/operators.module.js';
import { PresenceModule } from './presence/presence.module.js';
import { PrincipalsModule } from './principals/principals.module.js';
import { RecordsModule } from './records/records.module.js';
import { requireFiles } from './setting-files.js';
import { SignalingModule } from './signaling/signaling.module.js';
import { PresenceObserverList } from './signaling/presence-observer.js';
import { EveryTopic, TopicPolicy, TopicPolicySource } from './signaling/topic-policy.js';
import { CborWsAdapter } from './transport/cbor-ws-adapter.js';
import { MissingAdapter } from './transport/missing-adapter.js';
import { ServedPath } from './transport/served-path.js';
import { TransportModule } from './transport/transport.module.js';

/** What an application that embeds the server configures, possibly asynchronously (docs/extending.md). */
export interface CairnSignalOptions {
  /**
   * Settings as in a configuration file. Those of listeners, of TLS, and of files with code are up to the application,
   * and rejected here.
   */
  readonly settings?: SettingsInput;
  /** Path on which peers connect, such as "/signal". By default every path, except those of other gateways. */
  readonly path?: string;
  /**
   * Where the server's log goes: a LoggerService of Nest, such as `new Logger()`, which is the application's, or a pino
   * logger. By default, JSON on standard output.
   */
  readonly logger?: ApplicationLogger;
  /**
   * Which lines are written. By default RUST_LOG decides. Without it, the levels of `logger` do, and without a logger
   * it is info.
   */
  readonly logFilter?: LogFilter;
  /** A log of our own making, in place of `logger` and `logFilter`. */
  readonly logs?: Logs;
  /** The application's prom-client registry, of any version: our metrics, but those of the process, are in it too. */
  readonly register?: MetricsRegistry;
  /** For tests. By default, the system's clock. */
  readonly clock?: Clock;
  /** Validated settings of the program, which has its own listeners and pages. Only the program passes them. */
  readonly program?: Settings;
}

const EXTENSIONS = Symbol('extensions');

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<CairnSignalOptions>({ moduleName: 'CairnSignal' })
    .setClassMethodName('forRoot')
    .setExtras<Extensions>({}, (definition, extensions) => ({
      ...definition,
      global: true,
      imports: [...MODULES, ...new Set([...(definition.imports ?? []), ...(extensions.imports ?? [])])],
      providers: [...(definition.providers ?? []), ...PROVIDERS, ...extending(extensions)],
      exports: [
        ...MODULES,
        Settings,
        Clock,
        Logs,
        Lifecycle,
        Reload,
        ServedPath,
        REGISTRY,
        CustomGuardList,
        TopicPolicy,
        TopicPolicySource,
        IceProvider,
        IceProviderSource,
        PresenceObserverList,
      ],
    }))
    .build();

/** Modules of the relay. Each of them imports what it needs. */
const MODULES = [
  AuditModule,
  AuthModule,
  BackplaneModule,
  ExpositionModule,
  HealthIndicatorsModule,
  IceModule,
  MetricsModule,
  OperatorsModule,
  PresenceModule,
  PrincipalsModule,
  RecordsModule,
  SignalingModule,
  TransportModule,
];

/** What every module may inject. */
const PROVIDERS: Provider[] = [
  Lifecycle,
  Reload,
  {
    provide: Settings,
    inject: [MODULE_OPTIONS_TOKEN, EXTENSIONS, Clock],
    useFactory: (options: CairnSignalOptions, extensions: Extensions, clock: Clock) => {
      const settings = settingsOf(options, extensions);
      return options.program === undefined ? withFiles(settings, clock) : settings;
    },
  },
  {
    provide: ServedPath,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: ({ path }: CairnSignalOptions) => new ServedPath(path),
  },
  {
    provide: Clock,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: ({ clock = new SystemClock() }: CairnSignalOptions) => clock,
  },
  {
    provide: Logs,
    inject: [MODULE_OPTIONS_TOKEN, Settings],
    useFactory: ({ logs, logger, logFilter }: CairnSignalOptions, { logFormat = 'json' }: Settings) =>
      logs ?? logsOf(logger, logFilter, logFormat),
  },
  {
    provide: REGISTRY,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: ({ register }: CairnSignalOptions) => register ?? null,
  },
];

/** The gateway and everything behind it, for the program itself and for applications with their own listeners. */
@Module({})
export class CairnSignalModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(
    private readonly module: ModuleRef,
    modules: ModulesContainer,
    private readonly application: ApplicationConfig,
    private readonly guards: CustomGuardList,
    private readonly observers: PresenceObserverList,
    private readonly registry: ApplicationRegistry,
    @Inject(MODULE_OPTIONS_TOKEN) options: CairnSignalOptions,
    logs: Logs,
  ) {
    super();
    const registered = [...modules.values()].filter(({ metatype }) => metatype === CairnSignalModule);
    if (registered.length > 1) {
      throw new StartupError(
        'CairnSignalModule is registered more than once in this application: only the guards of one would decide',
      );
    }
    // Set before any gateway is served: an application that sets its own adapter replaces it.
    if (!hasAdapter(application)) application.setIoAdapter(new MissingAdapter());
    if (options.program !== undefined) return;
    for (const warning of nodeWarnings()) logs.for('server').write('start_warning', {}, { warning });
  }

  /**
   * Configures the module. Throws a ConfigurationError that lists every fault of the settings and classes. The
   * application also needs CborWsAdapter.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    const definition = super.forRoot(options);
    // Validated here, so that faults are reported now, rather than when the application starts.
    const settings = settingsOf(options, options);
    const useFactory = (clock: Clock): Promise<Settings> => withFiles(settings, clock);
    return { ...definition, providers: [...definition.providers!, { provide: Settings, inject: [Clock], useFactory }] };
  }

  /**
   * Configures the module with options from a factory, which `inject`s what `imports` provide. The start rejects with
   * the ConfigurationError.
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }

  /** Deprecated: the former name of forRoot. */
  static register(options?: typeof OPTIONS_TYPE): DynamicModule {
    return CairnSignalModule.forRoot(options);
  }

  /** Throws a StartupError that says all that keeps the server from working in this application. */
  onModuleInit(): void {
    const scopeFaults = this.#scopeFaults();
    const registryFault = this.registry.fault();
    const faults = [
      ...this.#adapterFaults(),
      ...(scopeFaults.length > 0 ? scopeFaults : this.#methodFaults()),
      ...(registryFault === undefined ? [] : [registryFault]),
    ];
    if (faults.length > 0) throw new StartupError(faults.join('\n'));
    this.registry.register();
  }

  #adapterFaults(): string[] {
    const adapter: unknown = this.application.getIoAdapter();
    const right = adapter instanceof MissingAdapter ? !adapter.needed : adapter instanceof CborWsAdapter;
    return right ? [] : ['call app.useWebSocketAdapter(new CborWsAdapter(app)) before the application starts'];
  }

  /** Whether a class makes objects with the method shows only when they are made. */
  #methodFaults(): string[] {
    const policy: TopicPolicy = this.module.get(TopicPolicy);
    const provider: IceProvider = this.module.get(IceProvider);
    const { inOrder } = this.guards;
    return [
      ...inOrder.filter(lacks('canActivate')).map((guard) => `guards: ${lack(guard, 'canActivate')}`),
      ...[policy].filter(lacks('allows')).map((it) => `topic policy: ${lack(it, 'allows')}`),
      ...[provider].filter(lacks('iceServers')).map((it) => `ICE provider: ${lack(it, 'iceServers')}`),
      ...['joined', 'left'].flatMap((method) =>
        this.observers.inOrder.filter(lacks(method)).map((it) => `presence observers: ${lack(it, method)}`),
      ),
    ];
  }

  /**
   * Neither an upgrade nor a message is a request to Nest: it would skip a guard with request scope, and make no
   * gateway for a policy with one.
   */
  #scopeFaults(): string[] {
    const isPerRequest = (type: Type<unknown>): boolean => this.module.introspect(type).scope === Scope.REQUEST;
    const faults: string[] = [];
    if (this.application.getGlobalRequestGuards().length > 0 || isPerRequest(this.guards.host)) {
      faults.push('a guard, or something it injects, has request scope: it cannot judge an upgrade');
    }
    if (isPerRequest(TopicPolicy as Type<TopicPolicy>)) {
      faults.push('the topic policy, or something it injects, has request scope: a message is not a request');
    }
    if (isPerRequest(IceProvider as Type<IceProvider>)) {
      faults.push('the ICE provider, or something it injects, has request scope: a message is not a request');
    }
    if (this.observers.types.some(isPerRequest)) {
      faults.push('a presence observer, or something it injects, has request scope: a subscription is not a request');
    }
    return faults;
  }
}

/** Returns the program's settings unchanged, or an application's settings, checked. */
function settingsOf({ program, settings = {}, ...given }: CairnSignalOptions, extensions: Extensions): Settings {
  return program ?? embeddedSettings(settings, extensions, given);
}

/** RUST_LOG holds as in the program. Where it is not set, the application's logger decides. */
function logsOf(logger: ApplicationLogger | undefined, given: LogFilter | undefined, format: 'json' | 'pretty'): Logs {
  const { filter, warnings } = readLogFilter(process.env);
  const isSet = (process.env.RUST_LOG ?? '').trim() !== '';
  const logs = new Logs(
    logger === undefined
      ? { format, filter: given ?? filter }
      : new ApplicationLog(logger, given ?? (isSet ? filter : undefined)),
  );
  if (given === undefined) for (const warning of warnings) logs.for('server').write('start_warning', {}, { warning });
  return logs;
}

/** Returns whether the application has set a WebSocket adapter. Nest starts with null, whatever its types say. */
function hasAdapter(application: ApplicationConfig): boolean {
  return Boolean(application.getIoAdapter() as unknown);
}

/** Provides the custom guards, the topic policy, the ICE provider and the presence observers, which may inject what `imports` provide. */
function extending(extensions: Extensions): Provider[] {
  const { guards = [], topicPolicy = EveryTopic, iceProvider = NoIceProvider, presenceObservers = [] } = extensions;
  const observers = presenceObservers.filter(isClass);
  /**
   * Nest makes what stands in @UseGuards once for a module, with injection; overrideGuard of @nestjs/testing finds it
   * there alone.
   */
  class CustomGuardHost {}
  // What is not a class is a fault that settingsOf tells, beside all others.
  UseGuards(...guards.filter(isClass))(CustomGuardHost);
  return [
    { provide: EXTENSIONS, useValue: extensions },
    CustomGuardHost,
    {
      provide: CustomGuardList,
      inject: [ModuleRef],
      useFactory: (module: ModuleRef) => new CustomGuardList(CustomGuardHost, guards, (guard) => module.get(guard)),
    },
    { provide: TopicPolicy, useClass: isClass(topicPolicy) ? topicPolicy : EveryTopic },
    {
      provide: TopicPolicySource,
      inject: [ModuleRef],
      useFactory: (module: ModuleRef) => new TopicPolicySource(() => module.get<TopicPolicy>(TopicPolicy)),
    },
    { provide: IceProvider, useClass: isClass(iceProvider) ? iceProvider : NoIceProvider },
    {
      provide: IceProviderSource,
      inject: [ModuleRef],
      useFactory: (module: ModuleRef) => new IceProviderSource(() => module.get<IceProvider>(IceProvider)),
    },
    ...observers,
    {
      provide: PresenceObserverList,
      inject: [ModuleRef],
      useFactory: (module: ModuleRef) => new PresenceObserverList(observers, (observer) => module.get(observer)),
    },
  ];
}

/** Resolves to the settings once the files that they name can be used. */
async function withFiles(settings: Settings, clock: Clock): Promise<Settings> {
  await requireFiles(settings, clock);
  return settings;
}

function lacks(method: string): (made: object) => boolean {
  return (made) => typeof (made as Record<string, unknown>)[method] !== 'function';
}

function lack(made: object, method: string): string {
  return `${makerOf(made)} makes objects without a method "${method}"`;
}

function isClass(type: unknown): boolean {
  return typeof type === 'function';
}
