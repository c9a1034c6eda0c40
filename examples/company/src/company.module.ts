import { Logger, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CairnSignalModule } from 'cairn-signal';
import { Dismissals } from './dismissals.js';
import { HealthController } from './health.controller.js';
import { MembersGuard } from './members.guard.js';
import { RoomsPolicy } from './rooms.policy.js';
import { SuspensionsModule } from './suspensions.module.js';

/**
 * cairn-signal as a company runs it. Its identity provider says who somebody is. A guard goes by the roles there and by
 * a list in Redis, a policy asks the company's service about rooms, an audit goes to a file of its own, and the health
 * check is the company's.
 */
@Module({
  imports: [
    SuspensionsModule,
    TerminusModule,
    CairnSignalModule.forRootAsync({
      imports: [SuspensionsModule],
      guards: [MembersGuard],
      topicPolicy: RoomsPolicy,
      useFactory: () => ({
        settings: {
          jwtIssuer: process.env.ISSUER!,
          jwtAudience: 'cairn-signal',
          jwtPrincipalClaim: 'client_id',
          maxConnectionsPerPrincipal: 5,
          audit: process.env.AUDIT ?? 'off',
          drainTimeout: '2s',
        },
        logger: new Logger(),
      }),
    }),
  ],
  controllers: [HealthController],
  providers: [Dismissals],
})
export class CompanyModule {}
