import { expect, it } from '@jest/globals';
import { Interest } from '../../../src/backplane/interest.js';
import { BareSubscriptions } from '../../../src/backplane/nats-internals.js';
import { Subjects } from '../../../src/backplane/subjects.js';
import { ManualClock } from '../../support/manual-clock.js';

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

it('N2: while the topics of before are subscribed to again, a new one waits for its own confirmation, too', async () => {
  const interest = new Interest(
    new Subjects('cairn', 'topic'),
    new BareSubscriptions(),
    new ManualClock(),
    () => undefined,
    { counted: () => undefined, failed: () => undefined },
  );
  const confirm = withResolvers();
  const again = interest.joined(
    () => confirm.promise,
    () => true,
    () => undefined,
  );
  const { wanted } = interest.want('topic');
  const own = withResolvers();
  wanted.waitFor(own.promise);
  let sure = false;
  const confirmed = interest.confirmed(wanted)!.then(() => (sure = true));
  confirm.resolve();
  await again;
  await new Promise((resolve) => void setImmediate(resolve));
  expect(sure).toBe(false);
  own.resolve();
  await confirmed;
  interest.stop();
});
