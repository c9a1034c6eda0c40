import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { TopicPolicy } from 'cairn-signal';
import type { PolicyAnswer, TopicAction } from 'cairn-signal';

/** Seconds for which an answer holds. Whoever loses a room hears nothing more from it after that. */
const SECONDS = 1;
/** Milliseconds to wait for the service, less than the 5 s that a policy has. */
const TIMEOUT_MS = 2000;

/** Asks the company's rooms service. A topic is a secret, so the service gets its digest. */
@Injectable()
export class RoomsPolicy extends TopicPolicy {
  async allows(principal: string | undefined, action: TopicAction, topic: string): Promise<PolicyAnswer> {
    if (principal === undefined) return false;
    const room = createHash('sha256').update(topic).digest('hex');
    const url = `${process.env.ROOMS_URL}/may?${new URLSearchParams({ principal, action, room })}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`the rooms service answered ${response.status}`);
    return { allowed: (await response.json()) === true, seconds: SECONDS };
  }
}
