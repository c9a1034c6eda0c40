import { Injectable } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import { Settings } from '../config/settings.js';
import { Lifecycle } from '../lifecycle/lifecycle.js';
import { Logs } from '../logging/log.js';
import { AnswerCounts } from '../metrics/answer-counts.js';
import { AuditCounts } from '../metrics/audit-counts.js';
import { BackplaneCounts } from '../metrics/backplane-counts.js';
import { CertificateExpiry } from '../metrics/certificate-expiry.js';
import { ConnectionCounts } from '../metrics/connection-counts.js';
import { HeldBytes } from '../metrics/held-bytes.js';
import { IceCounts } from '../metrics/ice-counts.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { OperatorCounts } from '../metrics/operator-counts.js';
import { PolicyCounts } from '../metrics/policy-counts.js';
import { PresenceCounts } from '../metrics/presence-counts.js';
import { RefusalCounts } from '../metrics/refusal-counts.js';
import { RendezvousCounts } from '../metrics/rendezvous-counts.js';
import { Timings } from '../metrics/timings.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { RecordStore } from '../records/record-store.js';

/** Gives access to the figures of this node. Owns nothing. */
@Injectable()
export class Sources {
  constructor(
    readonly settings: Settings,
    readonly lifecycle: Lifecycle,
    readonly connections: ConnectionRegistry,
    readonly topics: TopicRegistry,
    readonly presence: PresenceCounts,
    readonly records: RecordStore,
    readonly backplane: Backplane,
    readonly connectionCounts: ConnectionCounts,
    readonly refusals: RefusalCounts,
    readonly traffic: TrafficCounts,
    readonly answers: AnswerCounts,
    readonly limits: LimitCounts,
    readonly policy: PolicyCounts,
    readonly held: HeldBytes,
    readonly rendezvous: RendezvousCounts,
    readonly bus: BackplaneCounts,
    readonly timings: Timings,
    readonly certificate: CertificateExpiry,
    readonly audit: AuditCounts,
    readonly operators: OperatorCounts,
    readonly logs: Logs,
    readonly ice: IceCounts,
  ) {}
}
