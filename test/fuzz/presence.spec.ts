import fc from 'fast-check';
import { PresenceModel } from './presence-model.js';
import type { PresenceStep } from './presence-model.js';
import { property } from './property.js';

/** 0 to 3 speak v2, 4 and 5 v1. */
const v2 = fc.nat({ max: 3 });
const v1 = fc.integer({ min: 4, max: 5 });
const anybody = fc.nat({ max: 5 });
const topic = fc.constantFrom('t', 'u');
const node = fc.constantFrom('m', 'n');
const ids = fc.subarray([0, 1, 2, 3]);
const data = fc.constantFrom('', 'x', 'y');
const dataOrNone = fc.option(data, { nil: undefined });

const step: fc.Arbitrary<PresenceStep> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ act: fc.constant('join' as const), who: v2, topic, data: dataOrNone }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('come' as const), who: v1, topic }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('leave' as const), who: anybody, topic }) },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('look' as const), who: anybody, topic }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('look away' as const), who: v2, topic }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('update' as const), who: v2, topic, data }) },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constantFrom('node has' as const, 'node adds' as const),
      topic,
      node,
      ids,
      data: dataOrNone,
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('node removes' as const), topic, node, ids }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('node is gone' as const), node }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('partial' as const), topic, partial: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constantFrom('open for others' as const, 'close for others' as const), topic }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      act: fc.constant('wait' as const),
      milliseconds: fc.constantFrom(0, 0, 1, 100, 249, 250, 1000, 2000),
    }),
  },
);

property(
  'whoever looks is told what is so, and no more often than V4 says',
  fc.record({
    most: fc.integer({ min: 1, max: 5 }),
    on: fc.constantFrom(true, true, true, false),
    steps: fc.array(step, { maxLength: 100, size: 'max' }),
  }),
  ({ most, on, steps }) => {
    const model = new PresenceModel(most, on);
    try {
      for (const each of steps) model.do(each);
      // Quiet: after two more windows, nothing is left to tell.
      model.settle(2000);
      model.settle(2000);
    } finally {
      model.end();
    }
  },
);
