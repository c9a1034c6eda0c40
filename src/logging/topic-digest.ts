import { createHmac, randomBytes } from 'node:crypto';

/** Random for each process and never shown, so digests of two runs or two nodes cannot be matched. */
const key = randomBytes(32);

/**
 * Returns what stands for a topic in a debug line. Equal topics give equal digests within this process. A digest does
 * not reveal its topic.
 */
export function topicDigest(topic: string): string {
  return createHmac('sha256', key).update(topic).digest('hex').slice(0, 12);
}
