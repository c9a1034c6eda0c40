import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HeldMessages } from '../../../src/transport/held-messages.js';
import type { Incoming } from '../../../src/transport/held-messages.js';

describe('held messages', () => {
  it('L1: come out as they went in, whatever goes in meanwhile', () => {
    const message = fc.record({
      kind: fc.constantFrom<Incoming>('binary', 'text', 'ping', 'pong'),
      data: fc
        .oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 3000, maxLength: 9000 }))
        .map((bytes) => Buffer.from(bytes)),
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
          for (const { kind, data, expected } of out) expect({ kind, data }).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });
});
