import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** What selects series in an expression, with what stands around it. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** Functions and aggregations around it, the innermost last. */
  readonly calls: readonly string[];
  /** Labels that aggregations around it name with `by` or `without`. */
  readonly grouped: readonly string[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export interface Query {
  readonly selectors: readonly Selector[];
  /** Labels that operators match on or copy: `on`, `ignoring`, `group_left`, `group_right`. */
  readonly matched: readonly string[];
  /** Labels that the aggregations keep; undefined without an aggregation. */
  readonly kept: readonly string[] | undefined;
}

/** Durations that Grafana sets, with one of the same length in their place: offsets in the text stay what they are. */
const GRAFANA_DURATION = /\$__(?:rate_interval|range|interval)\b/g;
export const plainPromql = (expression: string): string =>
  expression.replace(GRAFANA_DURATION, (variable) => `${'1'.padStart(variable.length - 1, '0')}m`);

/**
 * What Prometheus's own grammar makes of an expression, which may hold Grafana's durations. Whether types fit, only
 * promtool knows.
 * @throws Error that quotes what is not PromQL, or what the tests do not look into: a selector without a name, a label
 * in quotes.
 */
export function readPromql(expression: string): Query {
  const written = plainPromql(expression);
  const text = ({ from, to }: SyntaxNode): string => written.slice(from, to);
  const nodes: SyntaxNode[] = [];
  parser.parse(written).iterate({ enter: ({ node }) => void nodes.push(node) });
  const refuse = ({ from }: SyntaxNode, why: string): never => {
    throw new Error(`${why} at "${expression.slice(from) || 'the end'}" in: ${expression}`);
  };
  const wrong = nodes.find(({ type }) => type.isError);
  if (wrong !== undefined) refuse(wrong, 'not PromQL');
  const quoted = nodes.find(({ name }) => name === 'QuotedLabelName');
  if (quoted !== undefined) refuse(quoted, 'a label in quotes');

  const named = (name: string): SyntaxNode[] => nodes.filter((node) => node.name === name);
  const labelsIn = (inside: readonly SyntaxNode[]): string[] =>
    named('LabelName')
      .filter((label) => inside.some((node) => node.from <= label.from && label.to <= node.to))
      .map(text);
  const modifiersOf = (aggregations: readonly SyntaxNode[]): SyntaxNode[] =>
    aggregations.flatMap((node) => node.getChildren('AggregateModifier'));
  const valueOf = (literal: string): string =>
    literal.startsWith('"') ? (JSON.parse(literal) as string) : literal.slice(1, -1);

  const aggregations = named('AggregateExpr');
  return {
    selectors: named('VectorSelector').map((selector) => {
      const metric = selector.getChild('Identifier') ?? refuse(selector, 'no metric is named');
      const around = outermostFirst(selector);
      return {
        metric: text(metric),
        matchers: named('UnquotedLabelMatcher')
          .filter((matcher) => selector.from <= matcher.from && matcher.to <= selector.to)
          .map((matcher) => ({
            label: text(matcher.getChild('LabelName')!),
            operator: text(matcher.getChild('MatchOp')!) as Matcher['operator'],
            value: valueOf(text(matcher.getChild('StringLiteral')!)),
          })),
        calls: around
          .map((node) => node.getChild('AggregateOp') ?? node.getChild('FunctionIdentifier'))
          .flatMap((name) => (name === null ? [] : [text(name)])),
        grouped: labelsIn(modifiersOf(around)),
      };
    }),
    matched: labelsIn(named('MatchingModifierClause')),
    kept:
      aggregations.length === 0
        ? undefined
        : labelsIn(modifiersOf(aggregations).filter((node) => node.getChild('By') !== null)),
  };
}

function outermostFirst(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let { parent } = node; parent !== null; { parent } = parent) found.unshift(parent);
  return found;
}
