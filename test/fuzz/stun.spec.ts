import { PassThrough } from 'node:stream';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { encodeStun, errorCodeIn, readStun, xorAddressIn } from '../../src/turn/stun-message.js';
import type { StunDraft, StunMessage } from '../../src/turn/stun-message.js';
import { streamWire } from '../../src/turn/wire.js';
import { mutated } from '../support/mutation.js';
import { turn } from '../support/turn.js';
import { property } from './property.js';

const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength }).map((content) => Buffer.from(content));
/** Those that mean something to this client, and any others; FINGERPRINT and MESSAGE-INTEGRITY have their own form. */
const type = fc.oneof(fc.constantFrom(0x0001, 0x0009, 0x000d, 0x0014, 0x0015, 0x0016, 0x0020, 0x8023), fc.nat(0xffff));
const draft: fc.Arbitrary<StunDraft> = fc.record({
  method: fc.nat(0xfff),
  kind: fc.nat(3),
  transaction: bytes(12, 12),
  attributes: fc.array(
    fc.tuple(
      type.filter((one) => one !== 0x0008 && one !== 0x8028),
      bytes(0, 40),
    ),
    { maxLength: 6 },
  ),
});
const key = fc.option(bytes(16, 16), { nil: undefined });

property(
  'a STUN message is read as it was encoded, or not at all, in whatever parts it comes',
  fc.record({
    draft,
    key,
    frame: fc.oneof(bytes(0, 200), mutated(fc.tuple(draft, key).map(([one, by]) => encodeStun(one, by)))),
    cuts: fc.array(fc.nat(300), { maxLength: 5 }),
  }),
  async (tried) => {
    const encoded = encodeStun(tried.draft, tried.key);
    const message = readStun(encoded)!;
    const { method, kind, transaction, attributes } = tried.draft;
    expect({ method: message.method, kind: message.kind }).toEqual({ method, kind });
    expect(message.transaction).toEqual(transaction);
    for (const [one] of attributes) {
      expect(message.attributes.get(one)).toEqual(attributes.find(([other]) => other === one)![1]);
    }
    expect(message.signedWith(tried.key ?? Buffer.alloc(16))).toBe(tried.key !== undefined);

    const any = readStun(tried.frame);
    if (any !== undefined) {
      for (const one of any.attributes.keys()) xorAddressIn(any, one);
      errorCodeIn(any);
      any.signedWith(Buffer.alloc(16));
    }

    // A stream gives the message twice, cut anywhere; and of what is none, it gives nothing and does not throw.
    expect((await cameIn(Buffer.concat([encoded, encoded]), tried.cuts)).length).toBe(2);
    await cameIn(tried.frame, tried.cuts);
  },
);

/** What a wire reads from these bytes if they come in parts. */
async function cameIn(whole: Buffer, cuts: readonly number[]): Promise<(StunMessage | undefined)[]> {
  const stream = new PassThrough();
  const came: (StunMessage | undefined)[] = [];
  streamWire(stream).reader = { came: (message) => came.push(message), failed: () => undefined };
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).toSorted((a, b) => a - b), whole.length];
  for (const [index, place] of places.slice(1).entries()) {
    if (!stream.destroyed) stream.write(whole.subarray(places[index], place));
    await turn();
  }
  stream.destroy();
  return came;
}
