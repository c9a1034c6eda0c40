import { describe, expect, it } from '@jest/globals';
import { filesFor, idlePlan } from '../../../bench/idle-plan.mjs';

const total = (plan: { connections: number }[]): number => plan.reduce((sum, { connections }) => sum + connections, 0);

describe('which process opens how many idle connections', () => {
  it('holds all of them where the server may open that many files', () => {
    expect(total(idlePlan({ connections: 50_000, others: 100, mostFiles: filesFor(50_100) }))).toBe(50_000);
  });

  it('holds as many as fit beside the others where it may not', () => {
    expect(total(idlePlan({ connections: 50_000, others: 100, mostFiles: 20_000 }))).toBe(20_000 - filesFor(100));
  });

  it('holds none where hardly any file may be opened', () => {
    expect(idlePlan({ connections: 50_000, others: 100, mostFiles: 200 })).toEqual([]);
  });

  it.each([1024, 4096, 20_000, 1_048_576])(
    'keeps every process below a limit of %d files, and at 15,000',
    (mostFiles) => {
      const plan = idlePlan({ connections: 50_000, others: 100, mostFiles });
      expect(plan.filter(({ connections }) => connections > 15_000 || filesFor(connections) > mostFiles)).toEqual([]);
    },
  );

  it('gives no address to two processes, or more than 10,000 connections to one', () => {
    const plan = idlePlan({ connections: 1_000_000, others: 0, mostFiles: Infinity });
    const addresses = plan.flatMap(({ localAddresses }) => localAddresses);
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(plan.every(({ connections, localAddresses }) => connections / localAddresses.length <= 10_000)).toBe(true);
    expect(total(plan)).toBe(1_000_000);
  });
});
