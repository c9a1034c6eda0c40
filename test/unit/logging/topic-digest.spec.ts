import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { topicDigest } from '../../../src/logging/topic-digest.js';

/** What was built of it. */
const BUILT = new URL('../../../dist/logging/topic-digest.js', import.meta.url).href;
const TOPIC = 'c0ffee'.repeat(10) + 'beef';

describe('the digest of a topic in a log line (design 8)', () => {
  it('is twelve hexadecimal digits', () => {
    for (const topic of [TOPIC, '', 'ü', 'x'.repeat(100_000)]) expect(topicDigest(topic)).toMatch(/^[0-9a-f]{12}$/);
  });

  it('is the same for the same topic within a process', () => {
    expect(topicDigest(TOPIC.slice(0, 1) + TOPIC.slice(1))).toBe(topicDigest(TOPIC));
  });

  it('differs between topics', () => {
    const topics = Array.from({ length: 1000 }, (_, i) => `topic ${i}`);
    expect(new Set(topics.map(topicDigest)).size).toBe(1000);
  });

  it('is neither part of the topic nor its plain hash', () => {
    expect(TOPIC).not.toContain(topicDigest(TOPIC));
    expect(createHash('sha256').update(TOPIC).digest('hex')).not.toContain(topicDigest(TOPIC));
  });

  it('has a random key: another process gives another digest', () => {
    const again = `import { topicDigest } from '${BUILT}'; console.log(topicDigest('${TOPIC}'));`;
    const digest = execFileSync(process.execPath, ['--input-type=module', '--eval', again], {
      encoding: 'utf8',
    }).trim();
    expect(digest).toMatch(/^[0-9a-f]{12}$/);
    expect(digest).not.toBe(topicDigest(TOPIC));
  });
});
