/** What selects series in an expression, with what stands around it. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** Of `[5m]`: `5m`. */
  readonly range: string | undefined;
  /** Functions and aggregations around it, the innermost last. */
  readonly calls: readonly string[];
  /** Labels that aggregations around it name, by `by` or `without`. */
  readonly grouped: readonly string[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export interface Query {
  readonly selectors: readonly Selector[];
  /** Labels that operators match on, or take over: `on`, `ignoring`, `group_left`, `group_right`. */
  readonly matched: readonly string[];
  /** Labels that aggregations keep, of all of them; undefined where there is none. */
  readonly kept: readonly string[] | undefined;
}

const AGGREGATIONS = new Set(['sum', 'min', 'max', 'avg', 'count', 'topk', 'bottomk']);
/** Of those that PromQL knows, what ours use; each takes a range, or none. */
export const OF_RANGES = new Set(['rate', 'increase', 'changes', 'min_over_time', 'max_over_time']);
const FUNCTIONS = new Set([...OF_RANGES, 'absent', 'histogram_quantile', 'time', 'clamp_min', 'clamp_max']);

const OPERATORS = new Set(['+', '-', '*', '/', '%', '^', '==', '!=', '>', '<', '>=', '<=', 'and', 'or', 'unless']);
const DURATION = /^(?:(?:\d+(?:ms|[smhdwy]))+|\$__rate_interval|\$__range|\$__interval)$/;

/** In this order: comment or space, string, range, number, name, operator or punctuation. */
const TOKEN =
  /(?<skip>#.*|\s+)|(?<string>"(?:[^"\\\n]|\\.)*")|\[(?<range>[^\]]*)\]|(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]))|(?<name>[a-zA-Z_:][\w:]*)|(?<sign>=~|!~|==|!=|>=|<=|[-+*/%^<>=(){},])/gy;

interface Token {
  readonly kind: 'string' | 'range' | 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
}

/**
 * Reads the part of PromQL that we use, and refuses the rest: what a test did not understand it did not check.
 * @throws Error that says what was expected where.
 */
export function parsePromql(expression: string): Query {
  return new Reader(tokenize(expression), expression).query();
}

function tokenize(expression: string): Token[] {
  const found: Token[] = [];
  let end = 0;
  for (const match of expression.matchAll(TOKEN)) {
    end = match.index + match[0].length;
    const [kind, text] = Object.entries(match.groups!).find(([, group]) => group !== undefined)!;
    if (kind !== 'skip') found.push({ kind: kind as Token['kind'], text });
  }
  if (end < expression.length) throw new Error(`not understood: ${expression.slice(end)}`);
  return [...found, { kind: 'end', text: 'the end' }];
}

/** Owns the place in one expression. What is around the selector being read is passed down. */
class Reader {
  #at = 0;
  readonly #selectors: Selector[] = [];
  readonly #matched: string[] = [];
  #kept: string[] | undefined;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly expression: string,
  ) {}

  query(): Query {
    this.#operations([], []);
    if (this.#next.kind !== 'end') this.#refuse('an operator');
    return { selectors: this.#selectors, matched: this.#matched, kept: this.#kept };
  }

  get #next(): Token {
    return this.tokens[this.#at];
  }

  #refuse(expected: string): never {
    throw new Error(`${expected} expected, not "${this.#next.text}", in: ${this.expression}`);
  }

  #take(kind: Token['kind'], expected: string): string {
    if (this.#next.kind !== kind) this.#refuse(expected);
    this.#at += 1;
    return this.tokens[this.#at - 1].text;
  }

  /** Whether this comes next, which is then behind us. */
  #skip(...texts: readonly string[]): boolean {
    const found = this.#next.kind !== 'string' && texts.includes(this.#next.text);
    if (found) this.#at += 1;
    return found;
  }

  #expect(text: string): void {
    if (!this.#skip(text)) this.#refuse(text);
  }

  #operations(calls: readonly string[], grouped: readonly string[]): void {
    this.#operand(calls, grouped);
    while (this.#skip(...OPERATORS)) {
      this.#skip('bool');
      if (this.#skip('on', 'ignoring')) this.#matched.push(...this.#labels());
      if (this.#skip('group_left', 'group_right') && this.#next.text === '(') this.#matched.push(...this.#labels());
      this.#operand(calls, grouped);
    }
  }

  #operand(calls: readonly string[], grouped: readonly string[]): void {
    this.#skip('-');
    if (this.#skip('(')) {
      this.#operations(calls, grouped);
      this.#expect(')');
    } else if (this.#next.kind === 'number') {
      this.#at += 1;
    } else {
      const name = this.#take('name', 'a metric, a function or a number');
      if (AGGREGATIONS.has(name)) this.#aggregation(name, calls, grouped);
      else if (this.#next.text === '(') this.#call(name, calls, grouped);
      else this.#selector(name, calls, grouped);
    }
  }

  #aggregation(name: string, calls: readonly string[], grouped: readonly string[]): void {
    const by = this.#next.text === 'by';
    const labels = this.#skip('by', 'without') ? this.#labels() : [];
    this.#kept = [...(this.#kept ?? []), ...(by ? labels : [])];
    this.#call(name, calls, [...grouped, ...labels]);
  }

  #call(name: string, calls: readonly string[], grouped: readonly string[]): void {
    if (!AGGREGATIONS.has(name) && !FUNCTIONS.has(name)) {
      throw new Error(`there is no function ${name}, or none that we use, in: ${this.expression}`);
    }
    this.#expect('(');
    if (this.#skip(')')) return;
    do this.#operations([...calls, name], grouped);
    while (this.#skip(','));
    this.#expect(')');
  }

  #selector(metric: string, calls: readonly string[], grouped: readonly string[]): void {
    const matchers: Matcher[] = [];
    if (this.#skip('{')) {
      while (!this.#skip('}')) {
        const label = this.#take('name', 'a label');
        const operator = this.#take('sign', 'a matcher') as Matcher['operator'];
        if (!['=', '!=', '=~', '!~'].includes(operator)) {
          throw new Error(`${operator} is no matcher, in: ${this.expression}`);
        }
        matchers.push({ label, operator, value: JSON.parse(this.#take('string', 'a value in quotes')) as string });
        if (!this.#skip(',') && this.#next.text !== '}') this.#refuse('}');
      }
    }
    const range = this.#next.kind === 'range' ? this.#take('range', 'a range') : undefined;
    if (range !== undefined && !DURATION.test(range)) {
      throw new Error(`${range} is no duration, in: ${this.expression}`);
    }
    this.#selectors.push({ metric, matchers, range, calls, grouped });
  }

  #labels(): string[] {
    const found: string[] = [];
    this.#expect('(');
    while (!this.#skip(')')) {
      found.push(this.#take('name', 'a label'));
      if (!this.#skip(',') && this.#next.text !== ')') this.#refuse(')');
    }
    return found;
  }
}
