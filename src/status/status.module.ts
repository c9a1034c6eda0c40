import { Module } from '@nestjs/common';
import { ExpositionModule } from '../exposition/exposition.module.js';
import { History } from './history.js';
import { StatusController } from './status.controller.js';
import { StatusStreams } from './status-streams.js';

/** The status page of the management address: this node at a glance, and its last ten minutes. */
@Module({
  imports: [ExpositionModule],
  controllers: [StatusController],
  providers: [History, StatusStreams],
})
export class StatusModule {}
