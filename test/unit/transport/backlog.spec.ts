import { beforeEach, describe, expect, it } from '@jest/globals';
import { Backlog } from '../../../src/transport/backlog.js';
import type { Waiter } from '../../../src/transport/backlog.js';

/** A peer that reads when a test says so. */
class Reader implements Waiter {
  readonly socket = { writableLength: 0 };
  open = true;
  waiting = 0;
  overflowed = false;

  overflow(): void {
    this.overflowed = true;
  }
}

describe('backlog', () => {
  let backlog: Backlog;
  let readers: Reader[];

  /** `bytes` wait for a reader now. */
  function wait(reader: Reader, bytes: number): void {
    reader.socket.writableLength = bytes;
    backlog.note(reader);
  }

  beforeEach(() => {
    backlog = new Backlog(1000);
    readers = [new Reader(), new Reader(), new Reader()];
  });

  it('L3: the limit may wait; one byte more gives up the largest, and only as many as needed', () => {
    const [a, b, c] = readers;
    wait(a, 300);
    wait(b, 500);
    wait(c, 200);
    expect(readers.map(({ overflowed }) => overflowed)).toEqual([false, false, false]);
    wait(c, 201);
    expect(readers.map(({ overflowed }) => overflowed)).toEqual([false, true, false]);
    expect(backlog.total).toBe(501);
  });

  it('L3: what has left meanwhile does not count', () => {
    const [a, b] = readers;
    wait(a, 900);
    a.socket.writableLength = 100;
    wait(b, 900);
    expect([a.overflowed, b.overflowed, backlog.total]).toEqual([false, false, 1000]);
  });

  it('L3: what is forgotten does not count, and counting it again starts anew', () => {
    const [a, b] = readers;
    wait(a, 900);
    backlog.forget(a);
    wait(b, 900);
    expect(b.overflowed).toBe(false);
    wait(b, 0);
    expect(backlog.total).toBe(0);
  });

  it('L3: what waits for one that is closing is on its way out and does not count', () => {
    const [a, b] = readers;
    wait(a, 900);
    a.open = false;
    wait(a, 950);
    wait(b, 900);
    expect([a.overflowed, b.overflowed, backlog.total]).toEqual([false, false, 900]);
  });

  it('L3: 0 is no limit', () => {
    backlog = new Backlog(0);
    wait(readers[0], 1e12);
    expect(readers[0].overflowed).toBe(false);
  });
});
