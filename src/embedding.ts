/**
 * What the package exports to people who extend it, with guards and policies in configuration, or with a Nest
 * application that mounts the server (docs/extending.md). Everything else is internal and changes without notice.
 */
export { CairnSignalModule } from './cairn-signal.module.js';
export type { CairnSignalOptions } from './cairn-signal.module.js';
export type { Extensions } from './extensions.js';
export { CborWsAdapter } from './transport/cbor-ws-adapter.js';
export { createApp } from './app.js';
export type { Overrides, SignalServer } from './app.js';

export { upgradeOf } from './auth/upgrade-request.js';
export type { UpgradeRequest } from './auth/upgrade-request.js';
export { TopicPolicy } from './signaling/topic-policy.js';
export type { PolicyAnswer, TimedAnswer, TopicAction } from './signaling/topic-policy.js';
export { IceEndpointModule } from './ice/ice-endpoint.module.js';
export { IceProvider } from './ice/ice-provider.js';
export type { IceProviderAnswer, IceQuestion, ProvidedServer, ProvidedServers } from './ice/ice-provider.js';
export { PresenceObserver } from './signaling/presence-observer.js';
export { SignalingService } from './signaling/signaling.service.js';
export type {
  ConnectedPeer,
  PendingSubscription,
  RelayHandler,
  SignalingEvents,
  SubscribeOptions,
} from './signaling/signaling.service.js';
export { SignalingError } from './signaling/subscription.js';
export type { Subscription } from './signaling/subscription.js';
export { Permissions } from './signaling/permissions.js';

export { Settings } from './config/settings.js';
export type { SettingsInput } from './config/settings.js';
export { parseSettings } from './config/load-settings.js';
export { ConfigurationError, StartupError } from './config/faults.js';
export { Logs } from './logging/log.js';
export { LogFilter } from './logging/log-filter.js';
export type { ApplicationLogger } from './logging/application-logger.js';

export type { Allowance } from './connection/allowance.js';
export { Connection } from './connection/connection.js';
export type { Claims, Proof } from './connection/connection.js';
export { ConnectionRegistry } from './presence/connection-registry.js';
export { TopicRegistry } from './presence/topic-registry.js';
export { RecordStore } from './records/record-store.js';
export { Backplane } from './backplane/backplane.js';
export { Clock } from './clock/clock.js';
export { Lifecycle } from './lifecycle/lifecycle.js';
export { Exposition } from './exposition/exposition.js';
export type { MetricsRegistry } from './exposition/application-registry.js';
export { HealthIndicatorsModule } from './health/health-indicators.module.js';
export { NodeIndicator } from './health/node.indicator.js';
export { ReadinessIndicator } from './health/readiness.indicator.js';
