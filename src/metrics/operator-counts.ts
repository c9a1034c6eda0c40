import { Injectable } from '@nestjs/common';

/**
 * What became of a request of an operator: connections were closed, or none was there; connections were counted; the
 * token was missing or wrong; or the request was not understood.
 */
export type OperatorOutcome = 'closed' | 'nobody' | 'listed' | 'unauthorized' | 'malformed';

/** Counts of what operators asked the management address to do. Plain numbers, read on demand. */
@Injectable()
export class OperatorCounts {
  readonly outcomes: { [Outcome in OperatorOutcome]: number } = {
    closed: 0,
    nobody: 0,
    listed: 0,
    unauthorized: 0,
    malformed: 0,
  };
}
