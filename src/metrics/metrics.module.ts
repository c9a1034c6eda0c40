import { Module } from '@nestjs/common';
import { AnswerCounts } from './answer-counts.js';
import { AuditCounts } from './audit-counts.js';
import { BackplaneCounts } from './backplane-counts.js';
import { CertificateExpiry } from './certificate-expiry.js';
import { ConnectionCounts } from './connection-counts.js';
import { HeldBytes } from './held-bytes.js';
import { IceCounts } from './ice-counts.js';
import { LimitCounts } from './limit-counts.js';
import { OperatorCounts } from './operator-counts.js';
import { PolicyCounts } from './policy-counts.js';
import { PresenceCounts } from './presence-counts.js';
import { RefusalCounts } from './refusal-counts.js';
import { RendezvousCounts } from './rendezvous-counts.js';
import { Timings } from './timings.js';
import { TrafficCounts } from './traffic-counts.js';

const COUNTS = [
  AnswerCounts,
  AuditCounts,
  BackplaneCounts,
  CertificateExpiry,
  ConnectionCounts,
  HeldBytes,
  IceCounts,
  LimitCounts,
  OperatorCounts,
  PolicyCounts,
  PresenceCounts,
  RefusalCounts,
  RendezvousCounts,
  Timings,
  TrafficCounts,
];

/** Provides the counts, in the terms of the code that counts. How they are shown is up to `management`. */
@Module({ providers: COUNTS, exports: COUNTS })
export class MetricsModule {}
