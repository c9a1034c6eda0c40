import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { CairnSignalModule, coreOf } from './cairn-signal.module.js';
import type { Parts } from './cairn-signal.module.js';
import { CheckModule } from './check/check.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { StatusModule } from './status/status.module.js';

/** The whole server: what relays (CairnSignalModule, where the other arrows are), and what plain HTTP gets. */
@Module({})
export class AppModule {
  static with(parts: Parts): DynamicModule {
    const core = coreOf(parts);
    const { config, clock, logging, lifecycle, metrics, presence, backplane, signaling, exposition } = core;
    const health = { module: HealthModule, imports: [config, lifecycle, metrics, presence, backplane] };
    const management = { module: StatusModule, imports: [config, clock, exposition] };
    const http = { module: HttpModule, imports: [config, logging] };
    const check = { module: CheckModule, imports: [signaling] };
    return {
      module: AppModule,
      imports: [CairnSignalModule.of(core), health, management, http, ...(parts.settings.checkPage ? [check] : [])],
    };
  }
}
