import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { BackplaneModule } from '../backplane/backplane.module.js';
import { IceModule } from '../ice/ice.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PrincipalsModule } from '../principals/principals.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { RecordsModule } from '../records/records.module.js';
import { Answers } from './answers.js';
import { Discovery } from './discovery.js';
import { Drain } from './drain.js';
import { Expiry } from './expiry.js';
import { IceRequests } from './ice-requests.js';
import { InProcessConnection } from './in-process-connection.js';
import { Leases } from './leases.js';
import { MembersElsewhere } from './elsewhere/members-elsewhere.js';
import { Membership } from './membership.js';
import { Observation } from './observation.js';
import { Permissions } from './permissions.js';
import { RelayService } from './relay.service.js';
import { RendezvousService } from './rendezvous.service.js';
import { Revocation } from './revocation.js';
import { SignalingGateway } from './signaling.gateway.js';
import { SignalingService } from './signaling.service.js';
import { Subscriptions } from './subscriptions.js';
import { Welcome } from './welcome.js';

/** The domain: what happens to a message, from the gateway inwards. CairnSignalModule provides the topic policy. */
@Module({
  imports: [
    AuditModule,
    AuthModule,
    BackplaneModule,
    IceModule,
    MetricsModule,
    PresenceModule,
    PrincipalsModule,
    RecordsModule,
  ],
  providers: [
    Answers,
    Discovery,
    Drain,
    Expiry,
    IceRequests,
    InProcessConnection,
    Leases,
    MembersElsewhere,
    Membership,
    Observation,
    Permissions,
    RelayService,
    RendezvousService,
    Revocation,
    SignalingGateway,
    SignalingService,
    Subscriptions,
    Welcome,
  ],
  exports: [Permissions, SignalingService],
})
export class SignalingModule {}
