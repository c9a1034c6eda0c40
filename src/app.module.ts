import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AuthModule } from './auth/auth.module.js';
import { BackplaneModule } from './backplane/backplane.module.js';
import type { Clock } from './clock/clock.js';
import { ClockModule } from './clock/clock.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LifecycleModule } from './lifecycle/lifecycle.module.js';
import type { Logs } from './logging/log.js';
import { LoggingModule } from './logging/logging.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { PresenceModule } from './presence/presence.module.js';
import { RecordsModule } from './records/records.module.js';
import { SignalingModule } from './signaling/signaling.module.js';

/** The module graph on one screen: every arrow between our modules is in one of these lists, and nowhere else. */
@Module({})
export class AppModule {
  static with(settings: Settings, logs: Logs, time: Clock): DynamicModule {
    const config = ConfigModule.forSettings(settings);
    const clock = ClockModule.forClock(time);
    const logging = LoggingModule.forLogs(logs);
    const lifecycle = LifecycleModule;
    const metrics = MetricsModule;
    const auth = { module: AuthModule, imports: [config, clock, logging, metrics] };
    const presence = PresenceModule;
    const records = { module: RecordsModule, imports: [config, clock] };
    const backplane = { module: BackplaneModule, imports: [config, clock, logging, metrics] };
    const signaling = { module: SignalingModule, imports: [config, clock, logging, lifecycle, metrics, auth, presence, records, backplane] };
    const health = { module: HealthModule, imports: [config, lifecycle, backplane] };
    const http = { module: HttpModule, imports: [logging] };

    return { module: AppModule, imports: [config, clock, logging, lifecycle, metrics, auth, presence, records, backplane, signaling, health, http] };
  }
}
