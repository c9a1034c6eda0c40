import { ConfigurableModuleBuilder, Inject, Module, Scope } from '@nestjs/common';
import type { DynamicModule, OnModuleInit, Provider, Type } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { AuthModule } from './auth/auth.module.js';
import { CustomGuardList } from './auth/custom-guards.js';
import { BackplaneModule } from './backplane/backplane.module.js';
import { Clock, SystemClock } from './clock/clock.js';
import { StartupError } from './config/faults.js';
import { nodeWarnings } from './config/node-version.js';
import { Settings } from './config/settings.js';
import type { SettingsInput } from './config/settings.js';
import { embeddedSettings } from './embedded-settings.js';
import { ExpositionModule } from './exposition/exposition.module.js';
import type { Extensions } from './extensions.js';
import { Lifecycle } from './lifecycle/lifecycle.js';
import { Reload } from './lifecycle/reload.js';
import { Logs } from './logging/log.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { PresenceModule } from './presence/presence.module.js';
import { RecordsModule } from './records/records.module.js';
import { SignalingModule } from './signaling/signaling.module.js';
import { EveryTopic, TopicPolicy } from './signaling/topic-policy.js';
import { TransportModule } from './transport/transport.module.js';

/** What an application that embeds the server configures, possibly asynchronously (docs/extending.md). */
export interface CairnSignalOptions {
  /**
   * Settings as in a configuration file. Those of listeners, of TLS, and of files with code are up to the application,
   * and rejected here.
   */
  readonly settings?: SettingsInput;
  /** Where the server's log goes. By default, JSON on standard output. */
  readonly logs?: Logs;
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
      exports: [...MODULES, Settings, Clock, Logs, Lifecycle, Reload, CustomGuardList, TopicPolicy],
    }))
    .build();

/** Modules of the relay. Each of them imports what it needs. */
const MODULES = [
  AuthModule,
  BackplaneModule,
  ExpositionModule,
  MetricsModule,
  PresenceModule,
  RecordsModule,
  SignalingModule,
  TransportModule,
];

/** What every module may inject. */
const PROVIDERS: Provider[] = [
  Lifecycle,
  Reload,
  { provide: Settings, inject: [MODULE_OPTIONS_TOKEN, EXTENSIONS], useFactory: settingsOf },
  {
    provide: Clock,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: ({ clock = new SystemClock() }: CairnSignalOptions) => clock,
  },
  {
    provide: Logs,
    inject: [MODULE_OPTIONS_TOKEN, Settings],
    useFactory: ({ logs }: CairnSignalOptions, { logFormat = 'json' }: Settings) =>
      logs ?? new Logs({ format: logFormat }),
  },
];

/** The gateway and everything behind it, for the program itself and for applications with their own listeners. */
@Module({})
export class CairnSignalModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(
    private readonly module: ModuleRef,
    modules: ModulesContainer,
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
    if (options.program !== undefined) return;
    for (const warning of nodeWarnings()) logs.for('server').warn(warning);
  }

  /**
   * Configures the module. Throws a ConfigurationError that lists every fault of the settings and classes. The
   * application also needs CborWsAdapter.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    // Reports faults here, rather than when the application starts.
    settingsOf(options, options);
    return super.forRoot(options);
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

  /**
   * Throws a StartupError for a policy with request scope. Nest would give the whole gateway that scope, and then make
   * no gateway.
   */
  onModuleInit(): void {
    if (this.module.introspect(TopicPolicy as Type<TopicPolicy>).scope === Scope.REQUEST) {
      throw new StartupError(
        'the topic policy, or something it injects, has request scope: a message is not a request',
      );
    }
  }
}

/** Returns the program's settings unchanged, or an application's settings, checked. */
function settingsOf({ program, settings = {} }: CairnSignalOptions, extensions: Extensions): Settings {
  return program ?? embeddedSettings(settings, extensions);
}

/** Provides the custom guards and the topic policy, which may inject what `imports` provide. */
function extending(extensions: Extensions): Provider[] {
  const { guards = [], topicPolicy = EveryTopic } = extensions;
  return [
    { provide: EXTENSIONS, useValue: extensions },
    ...guards,
    {
      provide: CustomGuardList,
      inject: [...guards],
      useFactory: (...made: ConstructorParameters<typeof CustomGuardList>[0][number][]) => new CustomGuardList(made),
    },
    { provide: TopicPolicy, useClass: topicPolicy },
  ];
}
