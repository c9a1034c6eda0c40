import { describe, expect, it } from '@jest/globals';
import { cpuFromTicks } from '../../../bench/process-usage.mjs';

describe('CPU from a line of /proc/PID/stat', () => {
  it('is user and system time together, in microseconds', () => {
    expect(cpuFromTicks('7 (node) S 1 7 7 0 -1 4194560 900 0 3 0 150 50 0 0 20 0 11 0 5 6 7')).toBe(2_000_000);
  });

  it('is found behind any name', () => {
    expect(cpuFromTicks('7 (a) S 9 9) S 1 7 7 0 -1 4194560 900 0 3 0 1 0 0 0 20 0 11 0 5 6 7')).toBe(10_000);
  });
});
