import { Writable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { binaryFrame } from '../../../src/protocol/websocket-frame.js';
import { Outbox } from '../../../src/transport/outbox.js';
import type { Lagging } from '../../../src/transport/outbox.js';
import { turn } from '../../support/turn.js';
import { until } from '../../support/until.js';

/** A socket that finishes a write when a test says so, or immediately. */
class Peer implements Lagging {
  readonly written: Buffer[] = [];
  readonly told: number[] = [];
  atOnce = false;
  #taken: (() => void) | undefined;
  readonly socket = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      this.written.push(Buffer.from(chunk));
      if (this.atOnce) done();
      else this.#taken = done;
    },
  });

  lags(bytes: number): void {
    this.told.push(bytes);
  }

  get last(): number {
    return this.told.at(-1)!;
  }

  get text(): string {
    return Buffer.concat(this.written).toString('latin1');
  }

  /** Finishes the write that waits. */
  async take(): Promise<void> {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
    await turn();
  }
}

describe('outbox', () => {
  let peer: Peer;
  let outbox: Outbox;

  beforeEach(() => {
    peer = new Peer();
    // What the system did not take, which is why there is an outbox.
    peer.socket.write('before', () => outbox.wrote());
    outbox = new Outbox(peer, 6);
    outbox.drain();
  });

  it('L2: counts what the socket already had, until that is written', async () => {
    expect(peer.last).toBeGreaterThan(6);
    await peer.take();
    await peer.take();
    expect(peer.last).toBe(0);
  });

  it('R5: what waits leaves once and in order, as the socket finishes its writes', async () => {
    for (let i = 0; i < 2000; i++) outbox.push(Buffer.from(`${i},`));
    outbox.drain();
    expect(peer.text).toBe('before');
    await until(
      () => peer.last === 0,
      () => peer.take(),
    );
    expect(peer.text).toBe(`before${Array.from({ length: 2000 }, (_, i) => `${i},`).join('')}`);
  });

  it('L2: small frames are copied together: 10,000 of 2 bytes take at most three times their bytes', () => {
    for (let i = 0; i < 10_000; i++) outbox.push(Buffer.from('xx'));
    outbox.drain();
    expect(peer.last).toBeGreaterThan(20_000);
    expect(peer.last).toBeLessThan(60_000);
  });

  it('L2: a small frame does not keep the memory block that it shares', () => {
    const before = outbox.held;
    outbox.push(binaryFrame(Buffer.alloc(29)));
    expect(outbox.held - before).toBeLessThan(1024);
  });

  it('L2: a large frame with its own memory is not copied', async () => {
    const frame = binaryFrame(Buffer.alloc(50_000, 'x'));
    const before = outbox.held;
    outbox.push(frame);
    expect(outbox.held - before).toBeGreaterThan(50_000);
    expect(outbox.held - before).toBeLessThan(51_000);
    frame.fill('y');
    outbox.drain();
    await until(
      () => peer.last === 0,
      () => peer.take(),
    );
    expect(peer.text).toBe(`before${'y'.repeat(frame.length)}`);
  });

  it('L2: a large view of shared memory is copied', async () => {
    const slab = Buffer.alloc(16_384, 'x');
    outbox.push(slab.subarray(0, 10_000));
    slab.fill('y');
    outbox.drain();
    await until(
      () => peer.last === 0,
      () => peer.take(),
    );
    expect(peer.text).toBe(`before${'x'.repeat(10_000)}`);
  });

  it('L2: dropped frames are not sent and do not count; what the socket has counts', async () => {
    outbox.push(Buffer.alloc(5000, 'x'));
    outbox.drain();
    outbox.drop();
    expect(peer.last).toBeLessThan(1000);
    outbox.push(Buffer.from('after'));
    outbox.drain();
    await until(
      () => peer.last === 0,
      () => peer.take(),
    );
    expect(peer.text).toBe('beforeafter');
  });

  it('D4: everything is handed over before something else is written', async () => {
    for (let i = 0; i < 100; i++) outbox.push(Buffer.alloc(3000, 'x'));
    outbox.handAll();
    peer.socket.write('behind');
    await until(
      () => peer.last === 0,
      () => peer.take(),
    );
    expect(peer.text).toBe(`before${'x'.repeat(300_000)}behind`);
  });

  it('D4: nothing is written to a socket that has ended', async () => {
    const errors: Error[] = [];
    peer.socket.on('error', (error) => errors.push(error));
    outbox.push(Buffer.from('late'));
    peer.socket.end();
    outbox.handAll();
    await peer.take();
    await turn();
    expect(errors).toEqual([]);
    expect(peer.text).toBe('before');
  });

  it('L2: what was written past the stream counts until it is written, and only then the next piece follows', async () => {
    const other = new Peer();
    const past = new Outbox(other, 16_384);
    past.push(Buffer.from('after'));
    past.drain();
    expect(other.text).toBe('');
    expect(other.last).toBeGreaterThan(16_384);
    past.wrote();
    expect(other.text).toBe('after');
    expect(other.last).toBeGreaterThan(0);
    await other.take();
    await other.take();
    expect(other.last).toBe(0);
  });

  it('L2: what was written counts no more, however long something waits', async () => {
    const SIZE = 60_000;
    let pushed = 6;
    for (let i = 0; i < 60; i++) {
      for (let more = i < 4 ? 4 : 1; more > 0; more--) {
        outbox.push(Buffer.allocUnsafeSlow(SIZE));
        pushed += SIZE;
      }
      outbox.drain();
      await peer.take();
      const written = Buffer.concat(peer.written).length;
      expect(peer.last).toBeGreaterThan(pushed - written);
      expect(peer.last - (pushed - written)).toBeLessThan(SIZE + 20_000);
    }
    expect(Buffer.concat(peer.written).length).toBeGreaterThan(20 * SIZE);
  });

  it('D4: everything is handed over although something was written past the stream, and all of it counts', async () => {
    const other = new Peer();
    const past = new Outbox(other, 100);
    past.push(Buffer.from('after'));
    past.handAll();
    other.socket.write('behind');
    past.wrote();
    expect(other.last).toBeGreaterThan(100);
    await until(
      () => other.last === 0,
      () => other.take(),
    );
    expect(other.text).toBe('afterbehind');
  });

  it('nothing is written to a socket that has ended', async () => {
    outbox.push(Buffer.from('late'));
    peer.socket.on('error', (error) => expect(error).toBe('none'));
    peer.socket.end();
    await peer.take();
    await peer.take();
    outbox.drain();
    expect(peer.text).toBe('before');
  });

  it('R5: whatever happens when, each byte leaves once and in order, and at least what waits is reported', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 3000, max: 40_000 }))
          .map((bytes) => ({ push: bytes })),
      },
      fc.constantFrom({ drain: true }, { take: true }, { all: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, atOnce) => {
        const one = new Peer();
        let box = new Outbox(one);
        let pushed = '';
        for (const [i, what] of steps.entries()) {
          if ('push' in what) {
            const frame = Buffer.allocUnsafeSlow(what.push).fill(String.fromCodePoint(97 + (i % 26)));
            pushed += frame.toString('latin1');
            box.push(frame);
          } else if ('take' in what) await one.take();
          else if ('all' in what) box.handAll();
          else box.drain();
          expect(box.held).toBeGreaterThanOrEqual(pushed.length - one.text.length);
          if (one.last !== 0) continue;
          // It is done.
          one.told.length = 0;
          box = new Outbox(one);
        }
        one.atOnce = atOnce;
        box.drain();
        await until(
          () => one.last === 0,
          () => one.take(),
        );
        expect(one.text).toBe(pushed);
      }),
      { numRuns: 200 },
    );
  });
});
