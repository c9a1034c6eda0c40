import { turn } from './turn.js';

/**
 * How long, in milliseconds, a test waits for one thing: far longer than a busy machine takes, and shorter than Jest
 * waits for the test.
 */
const PATIENCE_MS = 100_000;

/**
 * Resolves once `holds` is true, and does `step` between two looks at it: by default a turn of the event loop. Rejects
 * as `holds` and `step` do, and with an error that says what did not come true: by default it quotes the condition.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  step: () => unknown = turn,
  patience = PATIENCE_MS,
  said: () => string = () => holds.toString(),
): Promise<void> {
  // Made here, so that its stack leads to who waits.
  const late = new Error();
  const tooLate = (): Error => {
    late.message = `${patience / 1000} s are over, and still not: ${said()}`;
    return late;
  };
  const deadline = performance.now() + patience;
  let fail: (error: Error) => void = () => undefined;
  const timer = setTimeout(() => fail(tooLate()), patience);
  /** Not Promise.race: what never ends would hold everything that raced with it. */
  const orLate = <T>(work: T): Promise<Awaited<T>> =>
    new Promise((resolve, reject) => {
      fail = reject;
      Promise.resolve(work).then(resolve, reject);
    });
  try {
    for (;;) {
      const held = holds();
      if (held === true || (held !== false && (await orLate(held)))) return;
      if (performance.now() > deadline) throw tooLate();
      await orLate(step());
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again; the first answer that is good. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  good: (answer: Awaited<T>) => boolean,
): Promise<Awaited<T>> {
  let answer!: Awaited<T>;
  await until(
    async () => good((answer = await ask())),
    undefined,
    undefined,
    () => good.toString(),
  );
  return answer;
}
