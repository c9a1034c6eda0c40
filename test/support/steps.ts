import { Session } from 'node:inspector/promises';

/**
 * Counts what our own code does, by V8's coverage: how often each block of the files in src/ was entered. The same work gives the
 * same count on every machine. What a built-in function does inside is not counted; for regular expressions see `linear.ts`.
 */
export class StepCounter {
  private constructor(private readonly session: Session) {}

  /** Begin before the code in question runs for the first time: V8 counts the blocks of a function only if it compiles it after that. */
  static async start(): Promise<StepCounter> {
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    return new StepCounter(session);
  }

  /** Blocks that were entered while `work` ran, which does not wait for anything. */
  async count(work: () => void): Promise<number> {
    await this.session.post('Profiler.takePreciseCoverage');
    work();
    const { result } = await this.session.post('Profiler.takePreciseCoverage');
    const ours = result.filter(({ url }) => url.includes('/src/') && !url.includes('/node_modules/'));
    return ours
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .reduce((sum, { count }) => sum + count, 0);
  }

  stop(): void {
    this.session.disconnect();
  }
}
