import { Injectable } from '@nestjs/common';
import { TopicPolicy } from 'cairn-signal';
import type { TopicAction } from 'cairn-signal';

/**
 * Everyone may listen to the company's topic, but only ada may speak on it. All other topics are free, like cairn's.
 */
@Injectable()
export class TeamPolicy extends TopicPolicy {
  allows(principal: string | undefined, action: TopicAction, topic: string): boolean {
    return topic !== 'announcements' || action === 'subscribe' || principal === 'ada';
  }
}
