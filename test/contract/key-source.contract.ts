import { beforeAll, describe, expect, it } from '@jest/globals';
import { jwtVerify } from 'jose';
import { KeyUnknown } from '../../src/auth/jwt/key-source.js';
import type { KeySource } from '../../src/auth/jwt/key-source.js';
import { makeKey, sign } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';

/** The contract of every KeySource. `make` returns one that holds these keys. */
export function describeKeySource(name: string, make: (keys: readonly SigningKey[]) => Promise<KeySource>): void {
  describe(`${name} keeps the contract of KeySource`, () => {
    let ec: SigningKey;
    let rsa: SigningKey;
    let stranger: SigningKey;
    beforeAll(async () => {
      [ec, rsa, stranger] = await Promise.all([makeKey('one'), makeKey('two', 'RS256'), makeKey('one')]);
    });

    it('returns the key that a token was signed with', async () => {
      const source = await make([ec, rsa]);
      for (const { kid, alg, ...key } of [ec, rsa]) {
        const [candidate, ...others] = await source.candidates({ alg, kid });
        expect(others).toEqual([]);
        expect((await jwtVerify(await sign({ kid, alg, ...key }, { sub: 'a' }), candidate)).payload.sub).toBe('a');
      }
    });

    it('returns all matching keys for a token that does not name its key, eight at most', async () => {
      const keys = await Promise.all(Array.from({ length: 8 }, (_, i) => makeKey(`key ${i}`)));
      expect(await (await make(keys)).candidates({ alg: 'ES256' })).toHaveLength(8);
    });

    it('returns none for an algorithm without a key, including HMAC and none', async () => {
      const source = await make([ec, rsa]);
      for (const alg of ['ES384', 'EdDSA', 'HS256', 'none', 'RSA-OAEP', '', 'constructor']) {
        for (const kid of ['one', undefined]) {
          expect(await source.candidates({ alg, ...(kid !== undefined && { kid }) })).toEqual([]);
        }
      }
    });

    it('returns no key from the token itself', async () => {
      const source = await make([ec]);
      const brought = { jwk: stranger.jwk, jku: 'http://127.0.0.1:1/', x5u: 'http://127.0.0.1:1/' };
      const [key] = await source.candidates({ alg: 'ES256', kid: 'one', ...brought });
      await expect(jwtVerify(await sign(stranger, { sub: 'a' }), key)).rejects.toThrow('signature verification failed');
    });

    it('has nothing newer for a token that names one of its keys, or has no proper name for its key', async () => {
      const source = await make([ec, rsa]);
      for (const kid of ['one', 'two', 7, null, ['one']]) {
        const header = { alg: 'ES256', kid: kid as never };
        await source.candidates(header);
        expect(await source.renewed(header)).toBe(false);
      }
    });

    it('says of a token that fits none of its keys that it has nothing newer, or when that will be known', async () => {
      const source = await make([ec]);
      await source.candidates({ alg: 'ES256', kid: 'one' });
      for (const header of [{ alg: 'ES256', kid: 'made up' }, { alg: 'ES256' }]) {
        await source.candidates(header);
        const said = await source.renewed(header).catch((error: unknown) => {
          if (error instanceof KeyUnknown && error.retryAfter >= 1) return 'later';
          throw error;
        });
        expect([false, 'later']).toContain(said);
      }
    });

    it('survives a kid that is not a string', async () => {
      const source = await make([ec]);
      for (const kid of [7, null, ['one'], { one: 'one' }]) {
        const found = await source.candidates({ alg: 'ES256', kid: kid as never });
        expect(found.length).toBeLessThanOrEqual(1);
      }
    });
  });
}
