import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as ws from 'ws';
import type { CloseReason } from '../../../src/protocol/close-codes.js';
import { FrameReader } from '../../../src/transport/frame-reader.js';
import type { FrameEnd, FrameReceiver } from '../../../src/transport/frame-reader.js';
import type { Incoming } from '../../../src/transport/held-messages.js';
import { ReadBuffer } from '../../../src/transport/read-buffer.js';
import { clientFrame } from '../../support/client-frame.js';
import { turn } from '../../support/turn.js';

const MOST = 200;
const [FIRST, MORE, LAST, TEXT, PING, PONG, CLOSE] = [0x02, 0x00, 0x80, 0x81, 0x89, 0x8a, 0x88];

class Receiver implements FrameReceiver, FrameEnd {
  /** What was received, in order: messages and control frames by kind, and how it ended. */
  readonly heard: string[] = [];
  readonly held: number[] = [];

  take(kind: Incoming, data: Buffer): void {
    this.heard.push(`${kind} ${data.toString('hex')}`);
  }

  closing(frame: Buffer): void {
    // Unmasked, as all frames here are.
    this.heard.push(`close ${frame.subarray(6).toString('hex')}`);
  }

  fault({ code }: CloseReason): void {
    this.heard.push(`fault ${code}`);
  }

  holds(bytes: number): void {
    this.held.push(bytes);
  }

  get most(): number {
    return Math.max(0, ...this.held);
  }
}

/** What is read when `wire` comes in reads that end at `cuts`. */
function read(wire: Buffer, cuts: readonly number[] = [], most = MOST): Receiver {
  const buffer = new ReadBuffer();
  const receiver = new Receiver();
  const reader = new FrameReader(buffer, receiver, receiver, most);
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

/** What the receiver of `ws`, which this reader replaces, makes of it. */
async function readByWs(wire: Buffer): Promise<string[]> {
  const heard: string[] = [];
  const Reading = (ws as unknown as { Receiver: new (options: object) => NodeJS.WritableStream }).Receiver;
  const receiver = new Reading({ isServer: true, maxPayload: MOST, maxFragments: 4096 });
  receiver.on('message', (data: Buffer, binary: boolean) =>
    heard.push(`${binary ? 'binary' : 'text'} ${data.toString('hex')}`),
  );
  receiver.on('ping', (data: Buffer) => heard.push(`ping ${data.toString('hex')}`));
  receiver.on('pong', (data: Buffer) => heard.push(`pong ${data.toString('hex')}`));
  receiver.on('conclude', () => heard.push('close'));
  receiver.on('error', (error: Error) =>
    heard.push(
      `fault ${(error as unknown as Record<symbol, number>)[Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code')!]}`,
    ),
  );
  receiver.write(wire);
  await turn();
  return heard;
}

describe('frame reader', () => {
  const message = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const control = fc.uint8Array({ maxLength: 125 }).map((bytes) => Buffer.from(bytes));

  it('R5: every message comes once and in order, whatever the frames and however they are cut into reads', () => {
    const pings = fc
      .array(
        control.map((data) => clientFrame(PING, data)),
        { maxLength: 2 },
      )
      .map((all) => Buffer.concat(all));
    const spelt = fc.oneof(
      message.map((bytes) => ({ wire: clientFrame(0x82, bytes), bytes })),
      fc.array(fc.tuple(message, pings), { minLength: 2, maxLength: 4 }).map((parts) => ({
        wire: Buffer.concat(
          parts.flatMap(([part, between], i) => [
            clientFrame((i === 0 ? FIRST : MORE) | (i === parts.length - 1 ? LAST : 0), part),
            between,
          ]),
        ),
        bytes: Buffer.concat(parts.map(([part]) => part)),
      })),
    );
    fc.assert(
      fc.property(fc.array(spelt, { maxLength: 12 }), fc.array(fc.nat()), (messages, cuts) => {
        const wire = Buffer.concat(messages.map((one) => one.wire));
        const receiver = read(
          wire,
          cuts.map((cut) => cut % (wire.length + 1)),
          2000,
        );
        expect(receiver.heard.filter((heard) => heard.startsWith('binary'))).toEqual(
          messages.map(({ bytes }) => `binary ${bytes.toString('hex')}`),
        );
        expect(receiver.held.at(-1) ?? 0).toBe(0);
      }),
    );
  });

  it('R8, L13: any frames are read as `ws` reads them, including faults and closes, however they are cut into reads', async () => {
    const initial = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(0x82, FIRST, MORE, LAST, TEXT, 0x01, PING, PONG) },
      fc.constant(CLOSE),
      fc.nat(255),
    );
    const data = fc.oneof(
      control,
      message,
      fc.constantFrom('', 'plain', 'gr\u00fc\u00dfe').map((text) => Buffer.from(text)),
    );
    const frame = fc
      .record({
        initial,
        data,
        masked: fc.oneof({ weight: 20, arbitrary: fc.constant(true) }, fc.constant(false)),
        longer: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
      })
      .map((one) => {
        const bytes = clientFrame(one.initial, one.data);
        if (one.longer && one.data.length < 126) {
          return Buffer.concat([bytes.subarray(0, 1), Buffer.from([0xfe, 0, one.data.length]), bytes.subarray(2)]);
        }
        if (!one.masked) bytes[1] &= 0x7f;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 10 }), fc.array(fc.nat()), async (frames, cuts) => {
        const wire = Buffer.concat(frames);
        const { heard } = read(
          wire,
          cuts.map((cut) => cut % (wire.length + 1)),
        );
        // A close frame is for `ws` to judge.
        const ours = heard.map((what) => (what.startsWith('close') ? 'close' : what));
        const theirs = (await readByWs(wire)).map((what, i) => (ours[i] === 'close' ? 'close' : what));
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 1000 },
    );
  });

  it('L13: a claimed length is refused as soon as it is read', () => {
    const large = clientFrame(0x82, Buffer.alloc(MOST + 1));
    expect(read(large.subarray(0, 4)).heard).toEqual(['fault 1009']);
    expect(
      read(Buffer.concat([clientFrame(FIRST, Buffer.alloc(MOST)), clientFrame(LAST, 'x').subarray(0, 2)])).heard,
    ).toEqual(['fault 1009']);
    expect(read(clientFrame(0x82, Buffer.alloc(MOST))).heard).toHaveLength(1);
  });

  it('L15: 4,096 fragments of one byte, or as many reads of one, are held in little more than their bytes', () => {
    const fragments = Buffer.concat(Array.from({ length: 4096 }, (_, i) => clientFrame(i === 0 ? FIRST : MORE, 'x')));
    expect(read(fragments, [], 65_536).most).toBeLessThan(2 * 4096 + 1024);
    const reads = clientFrame(TEXT, Buffer.alloc(8192, 'x')).subarray(0, 4104);
    expect(read(reads, Array.from(reads.keys()), 65_536).most).toBeLessThan(2 * 4096 + 1024);
  });

  it('L15: the memory held is reported when a message begins, grows and ends', () => {
    const { held } = read(
      Buffer.concat([clientFrame(FIRST, 'x'), clientFrame(MORE, Buffer.alloc(5000)), clientFrame(LAST)]),
      [],
      65_536,
    );
    expect(held).toEqual([expect.any(Number), expect.any(Number), 0]);
    expect(held[0]).toBeGreaterThan(1000);
    expect(held[1]).toBeGreaterThan(5000);
  });

  it('L15: a complete message in one read is never held', () => {
    expect(
      read(Buffer.concat([clientFrame(0x82, 'one'), clientFrame(TEXT, 'two'), clientFrame(PING, 'three')])).held,
    ).toEqual([]);
  });

  it('bytes that came with the handshake are read like any others', () => {
    const buffer = new ReadBuffer();
    const receiver = new Receiver();
    const wire = Buffer.concat(Array.from({ length: 100 }, () => clientFrame(0x82, Buffer.alloc(1500, 1))));
    new FrameReader(buffer, receiver, receiver, 2000).readElsewhere(wire);
    expect(receiver.heard).toEqual(Array.from({ length: 100 }, () => `binary ${'01'.repeat(1500)}`));
  });

  it('nothing is read after a stop', () => {
    const buffer = new ReadBuffer();
    const receiver = new Receiver();
    const reader = new FrameReader(buffer, receiver, receiver, MOST);
    reader.readElsewhere(clientFrame(FIRST, 'x'));
    reader.stop();
    reader.readElsewhere(clientFrame(0x82, 'y'));
    expect([receiver.heard, receiver.held.at(-1)]).toEqual([[], 0]);
  });
});
