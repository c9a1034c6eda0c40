import { Logger, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CairnSignalModule } from 'cairn-signal';
import { collectDefaultMetrics, register } from 'prom-client';
import { BadgeGuard } from './badge.guard.js';
import { DirectoryModule } from './directory.module.js';
import { HealthController } from './health.controller.js';
import { HelpDesk } from './help-desk.service.js';
import { MetricsController } from './metrics.controller.js';
import { NoticesGateway } from './notices.gateway.js';
import { PeopleController } from './people.controller.js';
import { TeamPolicy } from './team.policy.js';

const natsUrl = process.env.NATS_URL;

collectDefaultMetrics();

/**
 * The company's application: its directory, its notices, and cairn-signal behind the company's own guard and policy.
 * The company takes part as a peer, and has cairn-signal's metrics, log and health among its own.
 */
@Module({
  imports: [
    DirectoryModule,
    TerminusModule,
    CairnSignalModule.forRoot({
      settings: { maxConnectionsPerIp: 64, drainTimeout: '2s', ...(natsUrl !== undefined && { natsUrl }) },
      imports: [DirectoryModule],
      guards: [BadgeGuard],
      topicPolicy: TeamPolicy,
      register,
      logger: new Logger(),
    }),
  ],
  controllers: [HealthController, MetricsController, PeopleController],
  providers: [HelpDesk, NoticesGateway],
})
export class CompanyModule {}
