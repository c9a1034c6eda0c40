import { describe, expect, it } from '@jest/globals';
import { retryAfterOf } from '../../../src/connection/retry-after.js';

describe('G2: Retry-After, for what a guard gives', () => {
  it.each<[unknown, string | undefined]>([
    [undefined, undefined],
    [null, undefined],
    [0, '0'],
    [60, '60'],
    [1.5, '2'],
    [0.001, '1'],
    [-0.5, '0'],
    [-5, '0'],
    [-Infinity, '0'],
    [1e20, '31536000'],
    [Infinity, '31536000'],
    [NaN, '5'],
    [7n, '7'],
    [10n ** 400n, '31536000'],
    ['5', '5'],
    [' 5 ', '5'],
    ['1.5', '2'],
    ['-5', '0'],
    ['soon', '5'],
    ['', '5'],
    ['5\r\nX: y', '5'],
    ['5 minutes', '5'],
    ['Fri, 31 Dec 2027 23:59:59 GMT', 'Fri, 31 Dec 2027 23:59:59 GMT'],
    ['Fri, 31 Dec 2027 23:59:59 GMT\r\nX: y', '5'],
    ['2027-12-31', '5'],
    [new Date(Date.UTC(2027, 11, 31)), 'Fri, 31 Dec 2027 00:00:00 GMT'],
    [new Date(NaN), '5'],
    [new Date(8.64e15), '5'],
    [new Date(-8.64e15), '5'],
    [true, '5'],
    [{}, '5'],
    [{ valueOf: () => 7 }, '5'],
    [[7], '5'],
    [Symbol('x'), '5'],
    [() => 7, '5'],
  ])('%p is %p', (given, told) => {
    expect(retryAfterOf(given)).toBe(told);
  });
});
