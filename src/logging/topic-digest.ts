import { createHmac, randomBytes } from 'node:crypto';

/** Random for each process and never shown: digests of two runs, or of two nodes, cannot be matched with each other. */
const key = randomBytes(32);

/** What stands for a topic in a debug line: equal topics give equal digests within this process, and none gives its topic back. */
export function topicDigest(topic: string): string {
  return createHmac('sha256', key).update(topic).digest('hex').slice(0, 12);
}
