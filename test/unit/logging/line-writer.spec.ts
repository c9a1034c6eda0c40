import { describe, expect, it } from '@jest/globals';
import { LineWriter } from '../../../src/logging/line-writer.js';

/** Bytes that may wait. */
const MOST = 1024 * 1024;

function fault(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** A device that takes what the test lets it take, and a writer on it. */
class Device {
  text = '';
  attempts = 0;
  /**
   * What the next writes do: fail with a code, or take that many bytes; they take everything when nothing is left here.
   */
  readonly plan: (string | number)[] = [];
  /** What happens to writes without a plan. */
  fails: string | undefined;
  readonly later: { milliseconds: number; run: () => void }[] = [];
  readonly writer: LineWriter;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly synchronous = true) {
    this.writer = new LineWriter(
      (bytes, done) => {
        this.attempts += 1;
        const next = this.plan.shift() ?? this.fails ?? bytes.length;
        const answer = (): void => {
          if (typeof next === 'string') return done(fault(next), 0);
          this.text += bytes.subarray(0, next).toString();
          return done(null, next);
        };
        if (this.synchronous) answer();
        else this.#waiting.push(answer);
      },
      (milliseconds, run) => void this.later.push({ milliseconds, run }),
    );
    this.writer.onLoss = (lost) => this.writer.write(`lost ${lost}\n`);
  }

  /** Lets the oldest write that is on its way come back. */
  answer(): void {
    this.#waiting.shift()!();
  }

  /** Lets all the time pass that is waited for now; returns for how long each waited. */
  pass(): number[] {
    const due = this.later.splice(0);
    for (const { run } of due) run();
    return due.map(({ milliseconds }) => milliseconds);
  }
}

/** A line of so many bytes. */
const line = (bytes: number): string => `${'x'.repeat(bytes - 1)}\n`;

describe('lines of the log', () => {
  it('are written at once, each whole', () => {
    const device = new Device();
    device.writer.write('a\n');
    device.writer.write('b\n');
    expect([device.text, device.attempts, device.writer.dropped]).toEqual(['a\nb\n', 2, 0]);
  });

  it('that come while others are written wait, and are written together in their order', () => {
    const device = new Device(false);
    for (const text of ['a\n', 'b\n', 'c\n']) device.writer.write(text);
    expect(device.attempts).toBe(1);
    device.answer();
    device.answer();
    expect([device.text, device.attempts]).toEqual(['a\nb\nc\n', 2]);
  });

  it.each(['ENOSPC', 'EPIPE', 'EIO', 'EFBIG', 'EBADF', 'EDQUOT'])(
    'that cannot be written (%s) are dropped and counted, and never throw',
    (code) => {
      const device = new Device();
      device.fails = code;
      for (let i = 0; i < 3; i++) device.writer.write('a\n');
      expect([device.text, device.writer.dropped]).toEqual(['', 3]);
    },
  );

  it('follow one that says how many were lost, as soon as writing works again', () => {
    const device = new Device();
    device.fails = 'ENOSPC';
    for (let i = 0; i < 3; i++) device.writer.write('a\n');
    device.fails = undefined;
    device.writer.write('b\n');
    device.writer.write('c\n');
    expect([device.text, device.writer.dropped]).toEqual(['lost 3\nb\nc\n', 3]);
  });

  it('that were lost are reported within a second of the recovery, even if nothing else is written', () => {
    const device = new Device();
    device.fails = 'ENOSPC';
    device.writer.write('a\n');
    device.writer.write('a\n');
    expect(device.pass()).toEqual([1000]);
    expect(device.pass()).toEqual([1000]);
    device.fails = undefined;
    device.pass();
    expect([device.text, device.writer.dropped, device.later]).toEqual(['lost 2\n', 2, []]);
  });

  it('that were lost are reported once, though the report could not be written either', () => {
    const device = new Device();
    device.plan.push('ENOSPC', 'ENOSPC', 'ENOSPC');
    device.writer.write('a\n');
    device.writer.write('b\n');
    device.writer.write('c\n');
    device.writer.write('d\n');
    expect([device.text, device.writer.dropped]).toEqual(['lost 3\nd\n', 3]);
  });

  it('begin on a line of their own after one that was torn', () => {
    const device = new Device();
    device.plan.push(3, 'ENOSPC');
    device.writer.write('abcdef\n');
    device.writer.write('g\n');
    expect([device.text, device.writer.dropped]).toEqual(['abc\nlost 1\ng\n', 1]);
  });

  it('that were written before a fault in the same write are not counted as lost', () => {
    const device = new Device(false);
    device.plan.push(2, 5, 'ENOSPC');
    for (const text of ['a\n', 'b\n', 'c\n', 'd\n']) device.writer.write(text);
    for (let i = 0; i < 3; i++) device.answer();
    device.writer.write('e\n');
    for (let i = 0; i < 2; i++) device.answer();
    expect([device.text, device.writer.dropped]).toEqual(['a\nb\nc\nd\nlost 1\ne\n', 1]);
  });

  it('wait while nobody reads (EAGAIN), and are tried again, less and less often', () => {
    const device = new Device();
    device.fails = 'EAGAIN';
    device.writer.write('a\n');
    device.writer.write('b\n');
    const pauses = Array.from({ length: 10 }, () => device.pass()[0]);
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 100, 100, 100]);
    device.fails = undefined;
    device.pass();
    expect([device.text, device.writer.dropped]).toEqual(['a\nb\n', 0]);
  });

  it('beyond what may wait are dropped, until all that waited is written', () => {
    const device = new Device();
    device.fails = 'EAGAIN';
    for (let i = 0; i < 1100; i++) device.writer.write(line(1024));
    expect(device.writer.dropped).toBe(1100 - MOST / 1024);
    device.plan.push(1024);
    device.pass();
    device.writer.write('still stalled\n');
    device.fails = undefined;
    device.pass();
    device.writer.write('b\n');
    expect(device.text.slice(MOST)).toBe('lost 77\nb\n');
    expect(device.text.length).toBe(MOST + 'lost 77\nb\n'.length);
  });

  it('longer than what may wait are dropped', () => {
    const device = new Device();
    device.writer.write(line(MOST + 1));
    device.writer.write('a\n');
    expect([device.text, device.writer.dropped]).toEqual(['lost 1\na\n', 1]);
  });

  it('are awaited at the end: for what is written, what cannot be, and at most as long as asked', async () => {
    const device = new Device(false);
    await device.writer.settled(Promise.race([]));
    device.writer.write('a\n');
    const written = device.writer.settled(Promise.race([]));
    device.answer();
    await written;
    device.plan.push('EPIPE');
    device.writer.write('b\n');
    const failed = device.writer.settled(Promise.race([]));
    device.answer();
    await failed;
    device.writer.write('c\n');
    await device.writer.settled(Promise.resolve());
    expect(device.text).toBe('a\n');
  });
});
