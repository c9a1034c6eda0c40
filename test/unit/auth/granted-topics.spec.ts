import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { JWTPayload } from 'jose';
import { grantedTopics, grantedDigest, TopicsMistake } from '../../../src/auth/jwt/granted-topics.js';
import { heapHeldBy } from '../../support/heap.js';

const cairns = (i: number): string => createHash('sha256').update(`${i}`).digest('hex');

/** Which of these topics a token with these claims grants. */
const granted = (claims: JWTPayload, topics: readonly string[]): string[] | undefined => {
  const list = grantedTopics(claims);
  return list === undefined ? undefined : topics.filter((topic) => list.has(topic));
};

describe('A12: the digest of a topic', () => {
  it('is the beginning of its SHA-256, in UTF-8 and base64url', () => {
    for (const topic of ['', 'a', 'ä', '\u{1f600}', cairns(1), 'x'.repeat(4096)]) {
      const whole = createHash('sha256').update(Buffer.from(topic, 'utf8')).digest();
      expect(grantedDigest(topic)).toBe(whole.subarray(0, 16).toString('base64url'));
      expect(grantedDigest(topic)).toHaveLength(22);
    }
  });

  it('is what the shell of docs/protocol.md prints', () => {
    const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
    const [, script, vector] = /```sh\n(topic=[^]*?)\n# (\S{22})\n```/.exec(text)!;
    const [, topic] = /^topic=([0-9a-f]{64})$/m.exec(script)!;
    expect(grantedDigest(topic)).toBe(vector);
    expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).trim()).toBe(vector);
  });
});

describe('A12: the topics that a token names', () => {
  const some = [0, 1, 2, 3].map(cairns);

  it.each([
    ['nothing', {}, undefined],
    ['literally', { topics: [some[0]] }, [some[0]]],
    ['by digest', { topics_sha256: [grantedDigest(some[1])] }, [some[1]]],
    ['in both ways', { topics: [some[0]], topics_sha256: [grantedDigest(some[1])] }, [some[0], some[1]]],
    ['in both ways, the same one', { topics: [some[0]], topics_sha256: [grantedDigest(some[0])] }, [some[0]]],
    ['in an empty list and by digest', { topics: [], topics_sha256: [grantedDigest(some[2])] }, [some[2]]],
    ['literally, and in an empty list of digests', { topics: [some[3]], topics_sha256: [] }, [some[3]]],
    ['in an empty list', { topics: [] }, []],
    ['in an empty list of digests', { topics_sha256: [] }, []],
    ['literally with what is a digest', { topics: [grantedDigest(some[0])] }, []],
  ])('%s', (_what, claims, expected) => {
    expect(granted(claims, some)).toEqual(expected);
    // Whatever was asked before.
    expect(granted(claims, [...some, ...some.toReversed(), some[0]])).toEqual(
      expected && [...expected, ...expected.toReversed(), ...expected.filter((topic) => topic === some[0])],
    );
  });

  it('are not the digest itself, nor another topic, nor half a surrogate pair', () => {
    const list = grantedTopics({ topics_sha256: [grantedDigest('\ufffd'), grantedDigest('t')] })!;
    expect(
      ['\ufffd', '\ud800', '\udfff', 't', 'T', 't ', grantedDigest('t'), ''].map((topic) => list.has(topic)),
    ).toEqual([true, false, false, true, false, false, false, false]);
    expect(grantedTopics({ topics_sha256: [grantedDigest('')] })!.has('')).toBe(true);
  });

  it('are found among 1,024 of them, and a topic of 64 KiB is not even digested', () => {
    const all = Array.from({ length: 1024 }, (_, i) => cairns(i));
    const list = grantedTopics({ topics_sha256: all.map(grantedDigest) })!;
    expect(all.every((topic) => list.has(topic))).toBe(true);
    expect(list.has(cairns(1024))).toBe(false);
    const long = 'x'.repeat(65_536);
    expect(grantedTopics({ topics_sha256: [grantedDigest(long)] })!.has(long)).toBe(false);
  });

  it.each([
    ['22 characters with bits that are no digest', `${'A'.repeat(21)}B`],
    ['21 characters', 'A'.repeat(21)],
    ['23 characters', 'A'.repeat(23)],
    ['padding', `${grantedDigest('t')}==`],
    ['the whole SHA-256', createHash('sha256').update('t').digest('base64url')],
    ['the whole SHA-256 in hex', cairns(1)],
    ['16 bytes in hex', cairns(1).slice(0, 32)],
    ['base64 rather than base64url', '+/AAAAAAAAAAAAAAAAAAAA'],
    ['nothing', ''],
    ['a line break', `${grantedDigest('t')}\n`],
  ])('are refused where a digest is %s', (_what, digest) => {
    expect(() => grantedTopics({ topics_sha256: [grantedDigest('t'), digest] })).toThrow(TopicsMistake);
    expect(() => grantedTopics({ topics_sha256: [grantedDigest('t'), digest] })).toThrow(
      'entry 2 of the claim topics_sha256 is not a digest. It must have 22 characters',
    );
  });

  it('are at most 1,024 in both lists together', () => {
    const lists = (topics: number, digests: number): JWTPayload => ({
      topics: Array.from({ length: topics }, (_, i) => cairns(i)),
      topics_sha256: Array.from({ length: digests }, (_, i) => grantedDigest(cairns(i))),
    });
    for (const [topics, digests] of [
      [1024, 0],
      [0, 1024],
      [512, 512],
    ]) {
      expect(grantedTopics(lists(topics, digests))).toBeDefined();
      expect(() => grantedTopics(lists(topics + 1, digests))).toThrow('more than 1024 topics. At most 1024 fit');
      expect(() => grantedTopics(lists(topics, digests + 1))).toThrow('more than 1024 topics. At most 1024 fit');
    }
  });
});

describe('A12: the memory counted for the topics of a token is what they take', () => {
  const MANY = 200;

  it.each<[string, (token: number) => JWTPayload]>([
    ['82 topics of cairn', (token) => ({ topics: Array.from({ length: 82 }, (_, i) => cairns(token * 1024 + i)) })],
    [
      '222 digests',
      (token) => ({ topics_sha256: Array.from({ length: 222 }, (_, i) => grantedDigest(`${token} ${i}`)) }),
    ],
    ['513 short topics', (token) => ({ topics: Array.from({ length: 513 }, (_, i) => `${token}-${i}`) })],
    [
      'topics not in Latin-1',
      (token) => ({ topics: Array.from({ length: 82 }, (_, i) => `${'ж'.repeat(32)}${token} ${i}`) }),
    ],
  ])('%s', (_what, claims) => {
    const texts = Array.from({ length: MANY }, (_, token) => JSON.stringify(claims(token)));
    const held: unknown[] = [];
    let counted = 0;
    const memory = heapHeldBy(() => {
      for (const text of texts) {
        const read = JSON.parse(text) as JWTPayload;
        const list = grantedTopics(read)!;
        counted += list.bytes;
        held.push(read, list);
      }
    });
    expect(held).toHaveLength(2 * MANY);
    expect(counted).toBeGreaterThan(memory / 1.5);
    expect(counted).toBeLessThan(memory * 1.5);
  });
});
