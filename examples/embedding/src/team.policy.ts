import { Injectable } from '@nestjs/common';
import { TopicPolicy } from 'cairn-signal';
import type { TopicAction } from 'cairn-signal';

/** Everyone may listen to the company's topic; only ada speaks on it. All other topics are free, as cairn's are. */
@Injectable()
export class TeamPolicy extends TopicPolicy {
  allows(principal: string | undefined, action: TopicAction, topic: string): boolean {
    return topic !== 'announcements' || action === 'subscribe' || principal === 'ada';
  }
}
