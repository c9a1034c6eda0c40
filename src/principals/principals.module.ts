import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { Principals } from './principals.js';

/** What each principal has on this node. */
@Module({ imports: [MetricsModule], providers: [Principals], exports: [Principals] })
export class PrincipalsModule {}
