import { describe, expect, it } from '@jest/globals';
import { parseCores } from '../../../bench/cores.mjs';

describe('a list of cores', () => {
  it.each([
    ['0', [0]],
    [' 0,1\n', [0, 1]],
    ['0-2,5', [0, 1, 2, 5]],
    ['3,8-9', [3, 8, 9]],
  ])('%j is read', (list, cores) => {
    expect(parseCores(list)).toEqual(cores);
  });
});
