import { Module } from '@nestjs/common';
import { CairnSignalModule } from 'cairn-signal';
import { BadgeGuard } from './badge.guard.js';
import { DirectoryModule } from './directory.module.js';
import { MetricsController } from './metrics.controller.js';
import { NoticesGateway } from './notices.gateway.js';
import { TeamPolicy } from './team.policy.js';

const natsUrl = process.env.NATS_URL;

/**
 * The company's application: its directory, its notices, and cairn-signal behind the company's own guard and policy.
 */
@Module({
  imports: [
    DirectoryModule,
    CairnSignalModule.forRoot({
      settings: { maxConnectionsPerIp: 64, drainTimeout: '2s', ...(natsUrl !== undefined && { natsUrl }) },
      imports: [DirectoryModule],
      guards: [BadgeGuard],
      topicPolicy: TeamPolicy,
    }),
  ],
  controllers: [MetricsController],
  providers: [NoticesGateway],
})
export class CompanyModule {}
