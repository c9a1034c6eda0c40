import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AuthModule } from './auth/auth.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LifecycleModule } from './lifecycle/lifecycle.module.js';
import type { Logs } from './logging/log.js';
import { LoggingModule } from './logging/logging.module.js';
import { PresenceModule } from './presence/presence.module.js';
import { SignalingModule } from './signaling/signaling.module.js';

/** The module graph on one screen: every arrow is in the list of its module's imports, and nowhere else. */
@Module({})
export class AppModule {
  static with(settings: Settings, logs: Logs): DynamicModule {
    const config = ConfigModule.forSettings(settings);
    const logging = LoggingModule.forLogs(logs);
    const lifecycle = LifecycleModule;
    const auth = { module: AuthModule, imports: [config] };
    const presence = PresenceModule;
    const signaling = { module: SignalingModule, imports: [config, logging, lifecycle, auth, presence] };
    const health = { module: HealthModule, imports: [lifecycle] };
    const http = { module: HttpModule, imports: [logging] };

    return { module: AppModule, imports: [config, logging, lifecycle, auth, presence, signaling, health, http] };
  }
}
