import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { costChart } from '../../../bench/cost-chart.mjs';
import { imageMajor, renderChart, renderPerformance } from '../../../bench/figures.mjs';

type Results = Parameters<typeof renderPerformance>[1];
const PAGE = 'docs/performance.md';
const measured = (): Results => JSON.parse(readFileSync('docs/figures/bench.json', 'utf8')) as Results;
const image = imageMajor(readFileSync('Dockerfile', 'utf8'));

describe('the figures in the documents', () => {
  it('are those of docs/figures/bench.json (or run "npm run docs")', () => {
    const page = readFileSync(PAGE, 'utf8');
    expect(page).toBe(renderPerformance(page, measured(), image));
    expect(readFileSync('docs/figures/cost-by-load.svg', 'utf8')).toBe(renderChart(measured(), image));
  });

  it('are for the Node of the image, and each table has all Nodes', () => {
    const results = measured();
    const main = results.nodes.find((label) => label.startsWith(`v${image}.`))!;
    const made = renderPerformance('<!-- figures: machine -->\nold\n<!-- end -->', results, image);
    expect(made).toContain(`Where only one Node is shown, it is ${main.slice(1)}.`);
    const table = renderPerformance('<!-- figures: relaying -->\n<!-- end -->', results, image);
    for (const label of results.nodes) expect(table).toContain(`| Node ${label.slice(1)} |`);
  });

  it('have the reference as it is published, or as it was measured beside the server', () => {
    const results = measured();
    const mark = '<!-- figures: relaying -->\n<!-- end -->';
    expect(renderPerformance(mark, results, image)).toContain('| reference, published |');
    const { pair1 } = results.cases;
    const ratio = { to: 'floor', median: 1.5, min: 1.5, max: 1.5 };
    const reference = { median: 6, min: 6, max: 6, ratio, also: [] };
    const cases = { ...results.cases, pair1: { ...pair1, columns: { ...pair1.columns, reference } } };
    const made = renderPerformance(mark, { ...results, cases }, image);
    expect(made).toContain('| reference |');
    expect(made).toMatch(/\(`pair1`\) \| floor: [\d.]+ us \| \*\*1\.50\*\* \(6\.00 us\) \|/);
    expect(made).toMatch(/\(`pair8`\) \| floor: [\d.]+ us \|  \|/);
  });

  it('leave everything else as it is', () => {
    const around = 'before\n<!-- figures: machine -->\n<!-- end -->\nafter <!-- end -->\n';
    expect(renderPerformance(around, measured(), image)).toMatch(
      /^before\n<!--[^]*\n<!-- end -->\nafter <!-- end -->\n$/,
    );
  });

  it('say so when they are from short runs', () => {
    const mark = '<!-- figures: machine -->\n<!-- end -->';
    expect(renderPerformance(mark, { ...measured(), quick: true }, image)).toContain('short runs');
    expect(renderPerformance(mark, { ...measured(), quick: false }, image)).not.toContain('short runs');
  });

  it('are for the last Node where that of the image was not measured', () => {
    const mark = '<!-- figures: machine -->\n<!-- end -->';
    expect(renderPerformance(mark, measured(), '99')).toContain(`it is ${measured().nodes.at(-1)!.slice(1)}.`);
  });

  it('must be there', () => {
    const refusing = (page: string, cases: Results['cases']): (() => unknown) => {
      return () => renderPerformance(page, { ...measured(), cases }, image);
    };
    expect(refusing('<!-- figures: speed -->\n<!-- end -->', {})).toThrow(
      'docs/performance.md: there are no figures speed',
    );
    expect(refusing('<!-- figures: relaying -->\n<!-- end -->', {})).toThrow(
      'docs/figures/bench.json: the case pair1 was not measured',
    );
  });
});

describe('the chart of cost against load', () => {
  const chart = (lines: Parameters<typeof costChart>[0]['lines']): string =>
    costChart({ title: 'a < b & "c"', description: 'd', unit: 'us', load: 'per second', lines });
  const lines = [
    { name: 'one', points: [[1000, 30] as const, [10_000, 10] as const] },
    { name: 'other', points: [[1000, 20] as const, [10_000, 10.1] as const] },
    { name: 'published', points: [[1000, 15] as const] },
  ];

  it('names itself and says its figures to those who do not see it', () => {
    expect(chart(lines)).toContain('role="img" aria-labelledby="title desc"');
    expect(chart(lines)).toContain('<title id="title">a &lt; b &amp; &quot;c&quot;</title>');
    expect(renderChart(measured(), image)).toMatch(/<desc id="desc">floor: C and epoll: [\d.]+ us at 1,000 a second, /);
  });

  it('follows the light or dark of the reader', () => {
    expect(chart(lines)).toMatch(/@media \(prefers-color-scheme: dark\)/);
  });

  it('keeps names apart where lines end together', () => {
    const heights = ['one', 'other'].map((name) =>
      Number(new RegExp(`y="([\\d.]+)"[^>]*>${name}<`).exec(chart(lines))![1]),
    );
    expect(Math.abs(heights[0] - heights[1])).toBeGreaterThanOrEqual(15);
  });

  it.each([[0.9], [1], [7.3], [99], [100], [12_345]])('has few round marks from 0 to above %d', (most) => {
    const svg = chart([
      {
        name: 'x',
        points: [
          [1, most],
          [2, most / 2],
        ],
      },
    ]);
    const marks = [...svg.matchAll(/text-anchor="end"[^>]*>([\d.]+)</g)].map(([, mark]) => Number(mark));
    expect(marks[0]).toBe(0);
    expect(marks.length).toBeLessThanOrEqual(7);
    expect(marks.at(-1)!).toBeGreaterThanOrEqual(most);
    for (const [, y] of svg.matchAll(/<circle [^>]*cy="([\d.-]+)"/g)) expect(Number(y)).toBeGreaterThanOrEqual(64);
  });
});
