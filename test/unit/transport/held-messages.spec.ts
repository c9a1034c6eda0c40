import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HeldMessages } from '../../../src/transport/held-messages.js';
import type { Incoming } from '../../../src/transport/held-messages.js';

/** Bytes that tell where they are, and which message they are of. A value each would take fast-check a minute. */
const bytes = (min: number, max: number): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.integer({ min, max }), fc.uint8Array({ minLength: 7, maxLength: 13 }))
    .map(([length, pattern]) => Buffer.alloc(length, pattern));

describe('held messages', () => {
  it('L1: come out as they went in, whatever goes in meanwhile', () => {
    const message = fc.record({
      kind: fc.constantFrom<Incoming>('binary', 'text', 'ping', 'pong'),
      data: fc.oneof(bytes(0, 20), bytes(3000, 9000)),
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(message, fc.constant('shift' as const)), { maxLength: 60, size: 'max' }),
        (steps) => {
          const held = new HeldMessages();
          const model: { kind: Incoming; data: Buffer }[] = [];
          const out: { kind: Incoming; data: Buffer; expected: { kind: Incoming; data: Buffer } }[] = [];
          for (const step of steps) {
            if (step !== 'shift') {
              held.push(step.kind, step.data);
              model.push(step);
            } else if (!held.empty) {
              out.push({ ...held.shift(), expected: model.shift()! });
            }
            expect(held.empty).toBe(model.length === 0);
          }
          // Compared at the end: nobody writes into what was handed out.
          // As text: Jest compares buffers byte by byte.
          const shown = ({ kind, data }: { kind: Incoming; data: Buffer }): string => `${kind} ${data.toString('hex')}`;
          for (const { expected, ...one } of out) expect(shown(one)).toBe(shown(expected));
        },
      ),
      { numRuns: 300 },
    );
  });
});
