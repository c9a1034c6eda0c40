import { describe, expect, it } from '@jest/globals';
import { TurnSecret } from '../../../src/ice/turn-secret.js';

/*
 * S=0123456789abcdef0123456789abcdef
 * K=$(printf 'cairn-signal: pseudonyms of TURN users' | openssl dgst -sha256 -hmac $S -r | cut -d' ' -f1)
 * P=$(printf 'principal alice' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$K -r | cut -c1-16)
 * printf 1893459600:$P | openssl dgst -sha1 -hmac $S -binary | base64
 */
const SECRET = '0123456789abcdef0123456789abcdef';

describe('TurnSecret', () => {
  it.each([
    ['principal alice', '1893459600:747b5e7b9f5bdf68', 'e6E2IMe8DhbwF4e2RuudEh5F1N0='],
    ['192.0.2.7', '1893459600:784ba4a4d85a9ea9', 'GjQu2fzFc0FwjrH1AUTjFl3dZdQ='],
  ])('V11: makes the credentials of %s as openssl does, on every node', (source, username, credential) => {
    for (let node = 0; node < 2; node++) {
      const secret = new TurnSecret();
      secret.use(SECRET);
      expect(secret.credentials(secret.pseudonym(source), 1_893_459_600)).toEqual({ username, credential });
    }
  });

  it('V11: another secret makes another pseudonym and another credential', () => {
    const secret = new TurnSecret();
    secret.use(SECRET);
    const before = secret.credentials(secret.pseudonym('principal alice'), 1);
    secret.use(`${SECRET}!`);
    const after = secret.credentials(secret.pseudonym('principal alice'), 1);
    expect(after.username).toMatch(/^1:[\da-f]{16}$/);
    expect(after.username).not.toBe(before.username);
    expect(after.credential).not.toBe(before.credential);
  });
});
