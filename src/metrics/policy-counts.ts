import { Injectable } from '@nestjs/common';

/** How a topic policy fails: it throws, takes too long, or answers neither yes nor no. */
export type PolicyFailure = 'failed' | 'timeout' | 'nonsense';

/** What ends when the topic policy allows it no more. */
export type EndedPermission = 'subscription' | 'presence' | 'record';

/** Counts of what became of a topic policy's answers. Plain numbers, read on demand. Knows neither topics nor peers. */
@Injectable()
export class PolicyCounts {
  readonly failures: { [Failure in PolicyFailure]: number } = { failed: 0, timeout: 0, nonsense: 0 };
  readonly ended: { [Ended in EndedPermission]: number } = { subscription: 0, presence: 0, record: 0 };
}
