import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Secret } from '../../src/secret.js';
import { bytes, text } from '../support/watch.js';

interface Vector {
  readonly secret: string;
  readonly at: number;
  readonly position: number;
  readonly ids: readonly string[];
}

const { vectors } = JSON.parse(readFileSync(new URL('../vectors/rendezvous-ids.json', import.meta.url), 'utf8')) as {
  readonly vectors: readonly Vector[];
};
const secretOf = (digits: string): Promise<Secret> => Secret.of(Buffer.from(digits, 'hex'));

describe('a secret', () => {
  it.each(vectors)('has the topics that cairn derives: $secret at $at', async ({ secret, at, ids }) => {
    const { topics } = await (await secretOf(secret)).topics(at);
    expect(topics).toEqual(ids);
  });

  it('says for how long they are the topics, to the second', async () => {
    for (const { secret: digits, at } of vectors.slice(0, 12)) {
      const secret = await secretOf(digits);
      const { topics, seconds } = await secret.topics(at);
      expect(seconds).toBeGreaterThan(0);
      expect((await secret.topics(at + seconds - 1)).topics).toEqual(topics);
      expect((await secret.topics(at + seconds)).topics).not.toEqual(topics);
    }
  });

  it.each([0, 1, 15])('of %d bytes is refused', async (length) => {
    await expect(Secret.of(new Uint8Array(length))).rejects.toMatchObject({
      code: 'weak_secret',
      message: 'A secret needs 128 random bits. For a PIN or a password, use a PAKE.',
    });
  });

  it('may be a buffer of any kind', async () => {
    const whole = new Uint8Array(64).fill(1);
    for (const secret of [whole.buffer, new Uint16Array(whole.buffer), new DataView(whole.buffer), whole]) {
      expect((await (await Secret.of(secret)).topics(0)).topics).toHaveLength(1);
    }
    expect((await (await Secret.of(whole.subarray(0, 16))).topics(0)).topics).not.toEqual(
      (await (await Secret.of(whole)).topics(0)).topics,
    );
  });

  it('opens what it sealed, about the same, and nothing else', async () => {
    const [one, other] = await Promise.all([secretOf('07'.repeat(32)), secretOf('08'.repeat(32))]);
    const sealed = await one.seal(bytes('hello'), ['topic', 'a', 'b']);
    expect(text(await one.open(sealed, ['topic', 'a', 'b']))).toBe('hello');
    expect(await one.seal(bytes('hello'), ['topic', 'a', 'b'])).not.toEqual(sealed);
    const flipped = Uint8Array.from(sealed);
    flipped[20] ^= 1;
    await expect(one.open(flipped, ['topic', 'a', 'b'])).rejects.toMatchObject({ name: 'OperationError' });
    await expect(one.open(sealed.slice(0, 5), ['topic', 'a', 'b'])).rejects.toMatchObject({ name: 'OperationError' });
    await expect(one.open(sealed, ['topic', 'b', 'a'])).rejects.toMatchObject({ name: 'OperationError' });
    await expect(one.open(sealed, ['topi', 'ca', 'b'])).rejects.toMatchObject({ name: 'OperationError' });
    await expect(one.open(sealed, ['other', 'a', 'b'])).rejects.toMatchObject({ name: 'OperationError' });
    await expect(other.open(sealed, ['topic', 'a', 'b'])).rejects.toMatchObject({ name: 'OperationError' });
  });
});
