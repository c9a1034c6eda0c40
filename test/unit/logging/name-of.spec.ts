import { describe, expect, it } from '@jest/globals';
import { makerOf } from '../../../src/logging/name-of.js';

class Named {}

describe('makerOf', () => {
  it.each<[string, object, string]>([
    ['a class', new Named(), 'Named'],
    ['a literal', {}, 'Object'],
    ['a class without a name', new (class {})(), ''],
    ['no prototype', Object.create(null) as object, 'Object'],
    ['a constructor that is undefined', { constructor: undefined }, 'Object'],
    [
      'a class whose name is none',
      new (class {
        static name = Symbol('s');
      })(),
      'Symbol(s)',
    ],
    [
      'a getter that throws',
      {
        get constructor(): never {
          throw new Error('s3cret');
        },
      },
      'Object',
    ],
  ])('names what made an object, of %s', (_, made, name) => {
    expect(makerOf(made)).toBe(name);
  });
});
