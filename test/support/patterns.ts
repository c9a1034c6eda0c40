import { isSafePattern } from 'redos-detector';

/**
 * Maximum number of ways in which the beginning of any text may match at the same time. A linear pattern needs only a
 * few.
 */
const MOST_WAYS = 8;
/** Maximum number of steps of the search for such ways. */
const MOST_STEPS = 8000;

/**
 * Returns whether a regular expression takes time linear in the length of the text: at each character a constant number
 * of ways to match is open, wherever the match begins. It may say no although the answer is yes, as for `;\s*q`. It
 * says no to what `redos-detector` does not analyse: lookaround, backreferences, line starts.
 */
export function isLinear({ source, flags }: RegExp): boolean {
  if (/\(\?<?[=!]|\\[1-9]|\\k</.test(source) || /[mv]/.test(flags)) return false;
  const caseInsensitive = flags.includes('i');
  const { safe } = isSafePattern(source, {
    maxScore: MOST_WAYS,
    maxSteps: MOST_STEPS,
    caseInsensitive,
    unicode: flags.includes('u'),
    dotAll: flags.includes('s'),
  });
  return safe;
}

type Exec = (this: RegExp, text: string) => RegExpExecArray | null;
/** The method that every use of a regular expression ends up in. */
const exec: Exec = Reflect.get(RegExp.prototype, 'exec');

/**
 * Records the regular expressions that run between `start` and `stop`, in our own code and in packages, but not inside
 * Node itself.
 */
export class PatternRecorder {
  readonly #patterns = new Map<string, RegExp>();

  private constructor() {}

  static start(): PatternRecorder {
    const recorder = new PatternRecorder();
    const recording: Exec = function (text) {
      const { source, flags } = this;
      recorder.#patterns.set(`/${source}/${flags}`, this);
      return exec.call(this, text);
    };
    Reflect.set(RegExp.prototype, 'exec', recording);
    return recorder;
  }

  /** The expressions as they are written, with their flags. A split adds `y`. */
  stop(): ReadonlyMap<string, RegExp> {
    Reflect.set(RegExp.prototype, 'exec', exec);
    return this.#patterns;
  }
}
