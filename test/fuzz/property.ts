import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { PINNED } from './pinned.js';
import type { PropertyName } from './pinned.js';

/** Milliseconds that a property runs in `npm test`. */
const SHORT_MS = 800;
/** Minimum number of runs, however slow the machine is. */
const LEAST_RUNS = 10;
/** Milliseconds after which a single run hangs: no run comes near it. */
const HANGING_MS = 10_000;
/** Milliseconds that shrinking a failure may take. */
const SHRINKING_MS = 15_000;

/** What scripts/fuzz.mjs asks for, as JSON in the environment; absent in `npm test`. */
interface Fuzzing {
  /** For all properties together, in milliseconds. */
  readonly seconds: number;
  /** Part of the names of the properties to run. */
  readonly only?: string;
  readonly seed?: number;
  readonly path?: string;
}
const fuzzing = process.env.FUZZ === undefined ? undefined : (JSON.parse(process.env.FUZZ) as Fuzzing);
const chosen = Object.keys(PINNED).filter((name) => name.includes(fuzzing?.only ?? ''));
if (chosen.length === 0) throw new Error(`no property's name contains "${fuzzing?.only}"`);

/** The share of one property, in milliseconds. */
const time = fuzzing === undefined ? SHORT_MS : (fuzzing.seconds * 1000) / chosen.length;

/**
 * Declares that `holds` returns for every value of `values`: first for the pinned ones, each in its own test, then for
 * random ones until the time is over.
 */
export function property<T>(
  name: PropertyName,
  values: fc.Arbitrary<T>,
  holds: (value: T) => void | Promise<void>,
): void {
  const tested = fc.asyncProperty(values, async (value) => holds(value));
  const { seed, path } = fuzzing ?? {};
  const parameters: fc.Parameters<[T]> = {
    numRuns: path === undefined ? Number.MAX_SAFE_INTEGER : 1,
    ...(seed !== undefined && { seed }),
    ...(path !== undefined && { path, endOnFailure: true }),
    timeout: HANGING_MS,
    plugins: [within(time), told(name)],
  };

  describe(`${name}:`, () => {
    for (const { why, example } of PINNED[name]) {
      it(
        `pinned: ${why}`,
        () => fc.assert(tested, { examples: [[example as T]], numRuns: 1, endOnFailure: true }),
        HANGING_MS,
      );
    }
    it('holds for random values', () => fc.assert(tested, parameters), time + SHRINKING_MS + 2 * HANGING_MS);
  });
}

/**
 * Ends a property when its time is over. It ends between two runs, so that a run that hangs is never taken for one that
 * held.
 */
function within<T>(milliseconds: number): fc.Plugin<T> {
  return () => {
    let end = performance.now() + milliseconds;
    let runs = 0;
    let failed = false;
    return {
      decorateRun: (run) => async (value) => {
        if (performance.now() >= end && (failed || runs >= LEAST_RUNS)) return new fc.PreconditionFailure(true);
        const fault = await run(value);
        runs += 1;
        if (fault !== null && !failed) {
          failed = true;
          end = performance.now() + SHRINKING_MS;
        }
        return fault;
      },
    };
  };
}

/** Says how to reproduce a failure and, when fuzzing, how many runs there were. */
function told<T>(name: PropertyName): fc.Plugin<T> {
  return () => ({
    onAllRunsComplete: (details) => {
      if (fuzzing !== undefined) {
        process.stdout.write(`${String(details.numRuns).padStart(10)} runs  ${name} (seed ${details.seed})\n`);
      }
      if (!details.failed) return;
      const again = `npm run fuzz -- --only '${name}' --seed=${details.seed} --path=${details.counterexamplePath}`;
      throw new Error(`${fc.defaultReportMessage(details)}\n\nAgain: ${again}`, { cause: details.errorInstance });
    },
  });
}
