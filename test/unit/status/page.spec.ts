import { describe, expect, it } from '@jest/globals';
import { bytes, count, duration, short } from '../../../src/status/page/format.js';
import { nearest, reach } from '../../../src/status/page/scale.js';
import { Window } from '../../../src/status/page/window.js';

describe('the status page writes', () => {
  it.each([
    [0, '0'],
    [1204, '1,204'],
    [9999, '9,999'],
    [10_000, '10k'],
    [45_120, '45.1k'],
    [999_600, '1M'],
    [1_234_567, '1.23M'],
  ])('a count of %d as %s', (figure, text) => {
    expect(count(figure)).toBe(text);
  });

  it.each([
    [0, '0'],
    [0.333, '0.33'],
    [0.004, '0'],
    [7.5, '7.5'],
    [75.54, '75.5'],
    [812.4, '812'],
    [999.9, '1k'],
    [1234, '1.23k'],
  ])('a rate of %d as %s', (figure, text) => {
    expect(short(figure)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [48_200_000, '48.2 MB'],
    [4_345_298_944, '4.35 GB'],
    [2e12, '2 TB'],
  ])('%d bytes as %s', (figure, text) => {
    expect(bytes(figure).join(' ')).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [3599, '59 min'],
    [7500, '2 h 5 min'],
    [86_400, '1 d 0 h'],
    [273_600, '3 d 4 h'],
  ])('%d s as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe('the time axis', () => {
  const sample = (at: number): { at: number } => ({ at });
  const NOW = 1_000_000;
  const windowOf = (...ats: number[]): Window => {
    const shown = new Window();
    shown.restart(ats.map(sample), { interval: 2, kept: 600, now: NOW });
    return shown;
  };

  it.each([
    ['before the first sample the shortest time', [], 20],
    ['of a server that has just begun the shortest time', [0, 2, 4], 20],
    ['of a young server its time', Array.from({ length: 46 }, (_, i) => 2 * i), 90],
    ['of an old server the last ten minutes', Array.from({ length: 301 }, (_, i) => 4000 + 2 * i), 600],
  ])('shows %s', (_what, ats, seconds) => {
    expect(NOW - windowOf(...ats).from(NOW)).toBe(seconds);
  });

  it('goes on in time while nothing comes, and keeps what a previous process left', () => {
    const shown = windowOf(...Array.from({ length: 31 }, (_, i) => 2 * i));
    expect(NOW + 10 - shown.from(NOW + 10)).toBe(70);
    shown.restart([sample(0)], { interval: 2, kept: 600, now: NOW + 20 });
    expect(NOW + 20 - shown.from(NOW + 20)).toBe(80);
  });
});

describe('the scale of a chart', () => {
  it.each([
    [0.15, 0.2],
    [1, 1],
    [1.1, 2],
    [4, 4],
    [4.1, 6],
    [9, 10],
    [10, 10],
    [11, 20],
    [140, 200],
    [133e6, 200e6],
  ])('reaches for %d to %d', (most, to) => {
    expect(reach(most)).toBeCloseTo(to, 10);
  });

  it('finds the time closest to a point', () => {
    expect([0, 10, 14, 16, 20, 99].map((at) => nearest([10, 20], at))).toEqual([0, 0, 0, 1, 1, 1]);
    expect(nearest([], 5)).toBe(-1);
  });
});

describe('the window of the status page', () => {
  const OF = { interval: 2, kept: 10 };
  const sample = (at: number): { at: number; figure: number } => ({ at, figure: at });

  it("converts the server's time to the clock of the browser", () => {
    const window = new Window();
    window.restart([sample(100), sample(102)], { ...OF, now: 5000 });
    window.add(sample(104));
    expect([window.times, window.columns.figure]).toEqual([
      [4998, 5000, 5002],
      [100, 102, 104],
    ]);
    expect([window.newest, window.span('figure')]).toEqual([sample(104), [100, 104]]);
  });

  it('holds what is shown, plus one sample so that the line starts at the left edge', () => {
    const window = new Window();
    window.restart([], { ...OF, now: 5000 });
    expect([window.times, window.newest, window.span('figure')]).toEqual([[], undefined, undefined]);
    for (let at = 0; at <= 40; at += 2) window.add(sample(at));
    expect(window.columns.figure).toEqual([28, 30, 32, 34, 36, 38, 40]);
  });

  it('has a gap where the server was unreachable, and continues with a restarted server', () => {
    const window = new Window();
    window.restart([sample(100), sample(102)], { ...OF, now: 5000 });
    window.restart([sample(0)], { ...OF, now: 5008 });
    expect([window.times, window.columns.figure]).toEqual([
      [4998, 5000, 5002, 5008],
      [100, 102, null, 0],
    ]);
    window.add(sample(2));
    expect([window.times.at(-1), window.columns.figure.at(-1)]).toEqual([5010, 2]);
  });

  it('fills the gap with the history of the same server', () => {
    const window = new Window();
    window.restart([sample(100), sample(102)], { ...OF, now: 5000 });
    window.restart([sample(100), sample(102), sample(104), sample(106), sample(108)], { ...OF, now: 5006.5 });
    expect(window.columns.figure).toEqual([100, 102, 104, 106, 108]);
    expect(window.times.toSorted((one, other) => one - other)).toEqual(window.times);
  });

  it('has a gap where the server was blocked', () => {
    const window = new Window();
    window.restart([sample(0), sample(8)], { ...OF, now: 5000 });
    expect([window.times, window.columns.figure]).toEqual([
      [4992, 4994, 5000],
      [0, null, 8],
    ]);
  });
});
