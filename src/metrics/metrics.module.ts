import { Module } from '@nestjs/common';
import { LimitCounts } from './limit-counts.js';
import { RendezvousCounts } from './rendezvous-counts.js';

/** What is counted; nobody shows it yet. */
@Module({ providers: [LimitCounts, RendezvousCounts], exports: [LimitCounts, RendezvousCounts] })
export class MetricsModule {}
