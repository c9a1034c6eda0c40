import fc from 'fast-check';

/** One of `whole` with a few bytes changed, removed, added or cut off; now and then unchanged. */
export function mutated(whole: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const change = fc.record({
    how: fc.constantFrom('change', 'remove', 'insert', 'cut'),
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  return fc.tuple(whole, fc.array(change, { maxLength: 4 })).map(([bytes, changes]) =>
    changes.reduce((changed, { how, at, byte }) => {
      const index = at % (changed.length + 1);
      switch (how) {
        case 'change':
          return Buffer.concat([changed.subarray(0, index), Buffer.from([byte]), changed.subarray(index + 1)]);
        case 'remove':
          return Buffer.concat([changed.subarray(0, index), changed.subarray(index + 1)]);
        case 'insert':
          return Buffer.concat([changed.subarray(0, index), Buffer.from([byte]), changed.subarray(index)]);
        default:
          return Buffer.from(changed.subarray(0, index));
      }
    }, bytes),
  );
}
