import { Module } from '@nestjs/common';
import { CairnSignalModule } from 'cairn-signal';
import { BadgeGuard } from './badge.guard.js';
import { DirectoryModule } from './directory.module.js';
import { MetricsController } from './metrics.controller.js';
import { TeamPolicy } from './team.policy.js';

const natsUrl = process.env.NATS_URL;

/** The company's application: its directory, and cairn-signal with the company's own guard and policy. */
@Module({
  imports: [
    DirectoryModule,
    CairnSignalModule.register({
      settings: { maxConnectionsPerIp: 64, drainTimeout: '2s', ...(natsUrl !== undefined && { natsUrl }) },
      imports: [DirectoryModule],
      guards: [BadgeGuard],
      topicPolicy: TeamPolicy,
    }),
  ],
  controllers: [MetricsController],
})
export class CompanyModule {}
