import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader } from '../../../src/transport/frame-reader.js';
import { ReadBuffer } from '../../../src/transport/read-buffer.js';
import { clientFrame } from '../../support/client-frame.js';

const MOST = 200;

/** In the place of `ws`: reads frames of binary messages only, whole or in fragments, and says when it is between two. */
class Receiver {
  readonly messages: string[] = [];
  #bytes = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  left = 0;

  get between(): boolean {
    return this.#bytes.length === 0 && this.#fragments.length === 0;
  }

  leave(bytes: Buffer): void {
    this.left += bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const short = (this.#bytes[1] ?? 0) & 127;
      const head = short === 126 ? 8 : 6;
      if (this.#bytes.length < head) return;
      const end = head + (short === 126 ? this.#bytes.readUInt16BE(2) : short);
      if (this.#bytes.length < end) return;
      this.#fragments.push(this.#bytes.subarray(head, end));
      if (this.#bytes[0] >= 0x80) {
        this.messages.push(Buffer.concat(this.#fragments).toString('hex'));
        this.#fragments = [];
      }
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  message(message: Buffer): void {
    this.messages.push(message.toString('hex'));
  }
}

/** What is read when `wire` comes in reads that end at `cuts`. */
function read(wire: Buffer, cuts: readonly number[]): Receiver {
  const buffer = new ReadBuffer();
  const receiver = new Receiver();
  const reader = new FrameReader(buffer, receiver, MOST);
  let from = 0;
  for (const to of [...cuts.toSorted((a, b) => a - b), wire.length]) {
    // What the last read left must not matter.
    buffer.bytes.fill(0x55);
    wire.copy(buffer.bytes, buffer.start, from, to);
    if (to > from) reader.read(to - from);
    from = to;
  }
  return receiver;
}

describe('frame reader', () => {
  const message = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

  it('R5: every message comes once and in order, whatever the frames and however they are cut into reads', () => {
    const spelt = fc.oneof(
      message.map((bytes) => ({ wire: clientFrame(0x82, bytes), bytes })),
      fc.array(message, { minLength: 2, maxLength: 4 }).map((parts) => ({
        wire: Buffer.concat(parts.map((part, i) => clientFrame((i === 0 ? 2 : 0) | (i === parts.length - 1 ? 0x80 : 0), part))),
        bytes: Buffer.concat(parts),
      })),
    );
    fc.assert(
      fc.property(fc.array(spelt, { maxLength: 12 }), fc.array(fc.nat()), (messages, cuts) => {
        const wire = Buffer.concat(messages.map((one) => one.wire));
        const receiver = read(wire, cuts.map((cut) => cut % (wire.length + 1)));
        expect(receiver.messages).toEqual(messages.map(({ bytes }) => bytes.toString('hex')));
      }),
    );
  });

  it('R5: simple frames are left to nobody, however they are cut', () => {
    const frame = clientFrame(0x82, Buffer.alloc(150, 1));
    const wire = Buffer.concat([frame, frame, frame, frame]);
    expect(read(wire, []).messages).toHaveLength(4);
    for (let cut = 0; cut <= wire.length; cut++) expect(read(wire, [cut]).left).toBe(0);
    expect(read(wire, Array.from({ length: wire.length }, (_, i) => i))).toMatchObject({ left: 0, messages: read(wire, []).messages });
  });

  it('R10: a message beyond the limit is left to the one who closes for it', () => {
    const small = clientFrame(0x82, Buffer.alloc(MOST));
    const large = clientFrame(0x82, Buffer.alloc(MOST + 1));
    expect(read(Buffer.concat([small, large]), []).left).toBe(large.length);
  });
});
