import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { ConnectionRegistry } from './connection-registry.js';
import { MemberIds } from './member-ids.js';
import { Presence } from './presence.js';
import { TopicRegistry } from './topic-registry.js';

/**
 * The presence registry: who is connected to this node, which topics they subscribe to, and who is told of whom.
 */
@Module({
  imports: [MetricsModule],
  providers: [ConnectionRegistry, MemberIds, Presence, TopicRegistry],
  exports: [ConnectionRegistry, Presence, TopicRegistry],
})
export class PresenceModule {}
