import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { ConnectionRegistry } from './connection-registry.js';
import { TopicRegistry } from './topic-registry.js';

/** The presence registry: who is connected to this node, and which topics they subscribe to. */
@Module({
  imports: [MetricsModule],
  providers: [ConnectionRegistry, TopicRegistry],
  exports: [ConnectionRegistry, TopicRegistry],
})
export class PresenceModule {}
