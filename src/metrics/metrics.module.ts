import { Module } from '@nestjs/common';
import { BackplaneCounts } from './backplane-counts.js';
import { LimitCounts } from './limit-counts.js';
import { RendezvousCounts } from './rendezvous-counts.js';

/** What is counted; nobody shows it yet. */
@Module({ providers: [BackplaneCounts, LimitCounts, RendezvousCounts], exports: [BackplaneCounts, LimitCounts, RendezvousCounts] })
export class MetricsModule {}
