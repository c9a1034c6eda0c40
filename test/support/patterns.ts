import { isSafePattern } from 'redos-detector';

/** Ways in which the beginning of any text may match at the same time. More than a few is more than one needs. */
const MOST_WAYS = 8;
/** Steps of the search for such ways. */
const MOST_STEPS = 8000;

/**
 * Whether a regular expression takes time in the length of the text: at each character, a constant number of ways to match is open,
 * wherever the match begins. It may say no where the answer is yes, as for `;\s*q`. It says no to what `redos-detector` does not look
 * into: lookaround, references back, starts of lines.
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
/** What all that reads by a regular expression comes down to. */
const exec: Exec = Reflect.get(RegExp.prototype, 'exec');

/** The regular expressions that are run between `start` and `stop`, by our own code and by packages; not by Node itself. */
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

  /** As they are written, with their flags; a split adds `y`. */
  stop(): ReadonlyMap<string, RegExp> {
    Reflect.set(RegExp.prototype, 'exec', exec);
    return this.#patterns;
  }
}
