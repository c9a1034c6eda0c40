import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readRevocationList, UnusableList } from '../../../../src/auth/certificates/revocation-list.js';
import { inOneGo } from '../../../../src/clock/in-turns.js';
import { TestAuthority } from '../../../support/authority.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519').publicKey;

/** An element of DER. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = Buffer.alloc(5);
  length.writeUInt8(0x84);
  length.writeUInt32BE(content.length, 1);
  return Buffer.concat([Buffer.from([tag]), length, content]);
}
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const time = (text: string): Buffer => der(text.length === 13 ? 0x17 : 0x18, Buffer.from(text));
const ED25519 = der(0x30, der(0x06, hex('2b6570')));
const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  der(0x30, der(0x06, hex(id)), ...(critical ? [der(0x01, hex('ff'))] : []), der(0x04, value));

interface Parts {
  readonly algorithm?: Buffer;
  readonly due?: string | undefined;
  readonly serials?: readonly Buffer[];
  readonly extensions?: readonly Buffer[];
}

/** A revocation list, in DER. */
function list({ algorithm = ED25519, due = '20300102030405Z', serials = [], extensions = [] }: Parts = {}): Buffer {
  const body = der(
    0x30,
    der(0x02, hex('01')),
    algorithm,
    der(0x30),
    time('290102030405Z'),
    ...(due === '' ? [] : [time(due)]),
    ...(serials.length === 0
      ? []
      : [der(0x30, ...serials.map((serial) => der(0x30, der(0x02, serial), time('290102030405Z'))))]),
    ...(extensions.length === 0 ? [] : [der(0xa0, der(0x30, ...extensions))]),
  );
  return der(0x30, body, algorithm, der(0x03, hex('00'), sign(null, body, privateKey)));
}

const read = (bytes: Buffer) => inOneGo(readRevocationList(bytes));

describe('a revocation list (RFC 5280, section 5)', () => {
  it('has its times, its serial numbers and the key that signed it', () => {
    const found = read(list({ serials: [hex('01'), hex('00ff')] }));
    expect([found.issuedAt, found.expiresAt]).toEqual([Date.UTC(2029, 0, 2, 3, 4, 5), Date.UTC(2030, 0, 2, 3, 4, 5)]);
    expect([...found.serials]).toEqual(['\u0001', '\0\u00ff']);
    expect([found.isSignedWith(publicKey), found.isSignedWith(stranger)]).toEqual([true, false]);
  });

  it('need not say when the next one is due', () => {
    expect(read(list({ due: '' })).expiresAt).toBeUndefined();
  });

  const DISTRIBUTION_POINT = '551d1c';
  it.each([
    ['a delta', extension('551d1b', true, der(0x02, hex('01')))],
    ['an indirect list', extension(DISTRIBUTION_POINT, true, der(0x30, der(0x84, hex('ff'))))],
    ['one with a critical extension that nobody knows', extension('2a03', true, der(0x05))],
  ])('is not taken if it is %s', (_what, wrong) => {
    expect(() => read(list({ extensions: [wrong] }))).toThrow(UnusableList);
  });

  it.each([
    ['a number', extension('551d14', false, der(0x02, hex('01')))],
    ['another extension that is not critical', extension('2a03', false, der(0x05))],
    [
      'a distribution point of one kind of certificates',
      extension(DISTRIBUTION_POINT, true, der(0x30, der(0x81, hex('ff')))),
    ],
  ])('is taken with %s', (_what, right) => {
    expect(read(list({ extensions: [right] })).serials.size).toBe(0);
  });

  it('is not taken if it is signed with SHA-1', () => {
    const algorithm = der(0x30, der(0x06, hex('2a864886f70d010105')), der(0x05));
    expect(() => read(list({ algorithm }))).toThrow(/algorithm that this server does not accept/);
  });

  it('pauses often if it is long', () => {
    const serials = Array.from({ length: 10_000 }, (_, i) => hex((0x100000 + i).toString(16)));
    const work = readRevocationList(list({ serials }));
    let pauses = 0;
    let step = work.next();
    for (; step.done !== true; step = work.next()) pauses += 1;
    expect([step.value.serials.size, pauses]).toEqual([10_000, 39]);
  });

  describe('that is broken', () => {
    let whole: Buffer;
    let key: KeyObject;
    beforeAll(async () => {
      const authority = await TestAuthority.make('some');
      const shown = await authority.issue({ subject: 'CN=a' });
      const pem = await authority.list({ revoked: [shown] });
      whole = Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
      key = new X509Certificate(authority.certificate).publicKey;
    });
    /** What becomes of a list. */
    const verdict = (bytes: Buffer): string => {
      try {
        return read(bytes).isSignedWith(key) ? 'taken' : 'of another authority';
      } catch (error) {
        return (error as Error).constructor.name;
      }
    };

    it('is not DER, wherever it is cut off', () => {
      expect(verdict(whole)).toBe('taken');
      for (let length = 0; length < whole.length; length++) {
        expect(verdict(whole.subarray(0, length))).toBe('NotDer');
      }
    });

    it('is never taken, whichever byte is changed', () => {
      const verdicts = new Set<string>();
      for (let place = 0; place < whole.length; place++) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const bytes = Buffer.from(whole);
          bytes[place] ^= flip;
          verdicts.add(verdict(bytes));
        }
      }
      expect([...verdicts].toSorted()).toEqual(['NotDer', 'UnusableList', 'of another authority']);
    });
  });
});
