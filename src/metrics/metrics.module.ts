import { Module } from '@nestjs/common';
import { RendezvousCounts } from './rendezvous-counts.js';

/** What is counted; nobody shows it yet. */
@Module({ providers: [RendezvousCounts], exports: [RendezvousCounts] })
export class MetricsModule {}
