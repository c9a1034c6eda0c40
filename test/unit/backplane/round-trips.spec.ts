import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import { RoundTrips } from '../../../src/backplane/round-trips.js';
import { BackplaneCounts } from '../../../src/metrics/backplane-counts.js';
import { ManualClock } from '../../support/manual-clock.js';

const LOOK_MS = 250;

describe('N4: whether the bus answers', () => {
  let clock: ManualClock;
  let trips: RoundTrips;
  let heard: string[];
  /** Answers the pings that are on their way. */
  let answers: (() => void)[];
  let inMsgs: number;

  beforeEach(() => {
    jest.useFakeTimers();
    clock = new ManualClock();
    heard = [];
    answers = [];
    inMsgs = 0;
    trips = new RoundTrips(clock, new BackplaneCounts(), {
      recovered: () => heard.push('recovered'),
      dead: () => heard.push('dead'),
    });
    const connection = {
      flush: () => new Promise<void>((resolve) => answers.push(resolve)),
      stats: () => ({ inMsgs }),
    };
    trips.begin(connection as unknown as NatsConnection);
  });
  afterEach(() => {
    trips.stop();
    jest.useRealTimers();
  });

  /** Time passes, and the process runs. */
  async function runs(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += LOOK_MS) {
      clock.pass(LOOK_MS);
      await jest.advanceTimersByTimeAsync(LOOK_MS);
    }
  }
  const answer = async (): Promise<void> => {
    for (const each of answers.splice(0)) each();
    await jest.advanceTimersByTimeAsync(0);
  };
  /** Time passes, and the process does not run: it is blocked, stopped, or asleep. */
  const blocked = async (milliseconds: number): Promise<void> => {
    clock.pass(milliseconds);
    await jest.advanceTimersByTimeAsync(LOOK_MS);
  };

  it('is asked every 500 ms', async () => {
    for (let i = 0; i < 10; i++) {
      await runs(500);
      expect(answers).toHaveLength(1);
      await answer();
    }
    expect([trips.suspect, heard]).toEqual([false, []]);
  });

  it('is suspect after 1.5 s without an answer, and given up after 2.5 s', async () => {
    await runs(500);
    await runs(1250);
    expect([trips.suspect, heard]).toEqual([false, []]);
    await runs(250);
    expect([trips.suspect, heard]).toEqual([true, []]);
    await runs(1000);
    expect(heard).toEqual(['dead']);
  });

  it('lets nobody wait for it while it is suspect', async () => {
    await runs(500);
    let released = false;
    void trips.confirm().then(() => (released = true));
    await runs(1000);
    expect(released).toBe(false);
    await runs(750);
    expect(released).toBe(true);
  });

  it('is asked once more when it answers again, and has recovered when it answers that', async () => {
    await runs(2250);
    expect(trips.suspect).toBe(true);
    await answer();
    expect([trips.suspect, heard]).toEqual([true, []]);
    await answer();
    expect([trips.suspect, heard]).toEqual([false, ['recovered']]);
  });

  it('is not taken for frozen by a process that was blocked itself, however long', async () => {
    for (let round = 0; round < 3; round++) {
      await runs(500);
      expect(answers).toHaveLength(1);
      await blocked(3_600_000);
      await runs(250);
      expect([trips.suspect, heard]).toEqual([false, []]);
      await answer();
    }
  });

  it('is not frozen while it sends something, where its answer waits behind that', async () => {
    await runs(500);
    for (let i = 0; i < 20; i++) {
      inMsgs += 1;
      await runs(1000);
    }
    expect([trips.suspect, heard]).toEqual([false, []]);
    await runs(3000);
    expect(heard[0]).toBe('dead');
  });
});
