import type { Histogram } from 'prom-client';
import type { Sources } from './sources.js';

/** What a metric cannot tell, for `moves`. */
export const ONE_NODE = 'Counts this node only: it does not see a second peer on another node.';

/** A single figure, or pairs of a label value and its figure. */
export type Reading = number | Iterable<readonly [value: string, figure: number]>;

/** A metric: what it is, and what it tells an operator. */
export type MetricRow = Figure | Duration;

interface Described {
  readonly name: string;
  /** Help text: one sentence, which the exposition shows too. */
  readonly help: string;
  /** What to do when it moves, in Markdown. */
  readonly moves: string;
}

/** A metric whose figure is read when somebody asks. */
export interface Figure extends Described {
  readonly type: 'counter' | 'gauge';
  /** Name of its only label. The values come from a fixed set. */
  readonly label?: string;
  /** Returns undefined if this node has no such figure. */
  readonly read: (sources: Sources) => Reading | undefined;
}

/** A metric that is observed as things happen. */
interface Duration extends Described {
  readonly type: 'histogram';
  readonly histogram: (sources: Sources) => Histogram;
}
