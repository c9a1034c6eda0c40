import { Session } from 'node:inspector/promises';

/**
 * Counts what our own code does with V8's coverage: how often each block of the files in src/ was entered. The same
 * work gives the same count on every machine. Work inside built-in functions is not counted; for regular expressions
 * see `patterns.ts`.
 */
export class StepCounter {
  private constructor(private readonly session: Session) {}

  /**
   * Begin before the code in question runs for the first time: V8 counts the blocks of a function only if it compiles
   * it after that.
   */
  static async start(): Promise<StepCounter> {
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    return new StepCounter(session);
  }

  /**
   * Blocks that were entered while each of these ran, which do not wait for anything. Taking a count looks at all code
   * of the process, which costs far more than what is counted: hence one call for all.
   */
  async counts(...works: readonly (() => void)[]): Promise<number[]> {
    await this.session.post('Profiler.takePreciseCoverage');
    const counts: number[] = [];
    for (const work of works) {
      work();
      const { result } = await this.session.post('Profiler.takePreciseCoverage');
      const ours = result.filter(({ url }) => url.includes('/src/') && !url.includes('/node_modules/'));
      counts.push(
        ours
          .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
          .reduce((sum, { count }) => sum + count, 0),
      );
    }
    return counts;
  }

  stop(): void {
    this.session.disconnect();
  }
}
