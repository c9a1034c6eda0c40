import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { StartupError } from '../../../src/config/faults.js';
import { capacity, FOR_OPERATORS, openFilesLimit } from '../../../src/transport/open-files.js';

describe('what fits into the file handles of the process', () => {
  it('L5: is everything that is wanted, with handles to spare; one more than fits is cut to what fits', () => {
    expect(capacity(904, 1000)).toEqual({ connections: 904, sockets: 936 });
    expect(capacity(905, 1000)).toEqual({ connections: 904, sockets: 936 });
    expect(capacity(0, 1000)).toEqual({ connections: 904, sockets: 936 });
  });

  it('L5, O1: does not include the handles of the management address', () => {
    expect(capacity(905, 1000, FOR_OPERATORS)).toEqual({ connections: 840, sockets: 872 });
  });

  it('L5: is everything if there is no limit of handles', () => {
    expect(capacity(50_000, Infinity)).toEqual({ connections: 50_000, sockets: undefined });
    expect(capacity(0, Infinity)).toEqual({ connections: 0, sockets: undefined });
  });

  it('L5: is at least one connection, or else a line says what to do', () => {
    expect(capacity(10, 97).connections).toBe(1);
    expect(() => capacity(10, 96)).toThrow(StartupError);
    expect(() => capacity(10, 96)).toThrow(
      'this process may open only 96 files, which is too few: raise "ulimit -n" to 512 or more',
    );
  });

  it('L5: is asked of the system', () => {
    const [, soft] = /^Max open files +(\w+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))!;
    expect(openFilesLimit()).toBe(soft === 'unlimited' ? Infinity : Number(soft));
  });
});
