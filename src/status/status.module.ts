import { Module } from '@nestjs/common';
import { History } from './history.js';
import { MetricsController } from '../exposition/metrics.controller.js';
import { StatusController } from './status.controller.js';
import { StatusStreams } from './status-streams.js';

/** What operators see of this node: its metrics and a page that shows them, on an address of their own. */
@Module({
  controllers: [MetricsController, StatusController],
  providers: [History, StatusStreams],
})
export class StatusModule {}
