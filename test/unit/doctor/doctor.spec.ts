import { describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../../src/clock/clock.js';
import { examineAll, overall } from '../../../src/doctor/doctor.js';
import type { Entry } from '../../../src/doctor/doctor.js';
import { EXAMINATIONS } from '../../../src/doctor/examinations.js';
import { failed, ok, skipped, Trouble, warning } from '../../../src/doctor/finding.js';
import type { Finding } from '../../../src/doctor/finding.js';
import { renderJson, Table } from '../../../src/doctor/report.js';
import { Subject } from '../../../src/doctor/subject.js';
import { readTarget } from '../../../src/doctor/target.js';
import { printable, time } from '../../../src/doctor/words.js';

const subject = new Subject(
  {
    target: readTarget('ws://127.0.0.1'),
    token: undefined,
    ca: undefined,
    certificate: undefined,
    topic: undefined,
    idle: undefined,
    timeout: 1000,
  },
  new SystemClock(),
);
const examination = (name: string, needs: string[], finding: Finding | Error) => ({
  name,
  needs,
  examine: () => (finding instanceof Error ? Promise.reject(finding) : Promise.resolve(finding)),
});

/** A screen that keeps what is written. */
class Paper {
  text = '';
  constructor(
    readonly colours = false,
    readonly rewritable = false,
  ) {}

  write(text: string): void {
    this.text += text;
  }
}

async function run(...examinations: ReturnType<typeof examination>[]) {
  const steps: string[] = [];
  const entries = await examineAll(subject, examinations, {
    begins: (name) => steps.push(`begins ${name}`),
    ends: ({ name }) => steps.push(`ends ${name}`),
  });
  return { entries, steps };
}

describe('the doctor', () => {
  it('runs one examination after the other and reports each', async () => {
    const { entries, steps } = await run(
      examination('a', [], ok('fine')),
      examination('b', ['a'], warning('hm', 'do')),
    );
    expect(steps).toEqual(['begins a', 'ends a', 'begins b', 'ends b']);
    expect(entries).toEqual([
      { name: 'a', verdict: 'ok', found: 'fine' },
      { name: 'b', verdict: 'warning', found: 'hm', advice: 'do' },
    ]);
  });

  it('skips what needs a failed examination, directly or indirectly, and nothing else', async () => {
    const { entries } = await run(
      examination('a', [], failed('bad', 'do')),
      examination('b', ['a'], ok('fine')),
      examination('c', ['b'], ok('fine')),
      examination('d', [], skipped('not asked for')),
      examination('e', ['d'], ok('fine')),
    );
    expect(entries.map(({ verdict, found }) => `${verdict} ${found}`)).toEqual([
      'failed bad',
      'skipped not tried, since a failed',
      'skipped not tried, since a failed',
      'skipped not asked for',
      'ok fine',
    ]);
  });

  it('treats a thrown Trouble as a finding, and nothing else', async () => {
    const { entries } = await run(examination('a', [], new Trouble('bad', 'do', { code: 1 })));
    expect(entries).toEqual([{ name: 'a', verdict: 'failed', found: 'bad', advice: 'do', figures: { code: 1 } }]);
    await expect(run(examination('a', [], new TypeError('our fault')))).rejects.toThrow('our fault');
  });

  it.each([
    [['ok', 'skipped'], 'ok'],
    [['ok', 'warning', 'skipped'], 'warning'],
    [['failed', 'warning', 'ok'], 'failed'],
    [[], 'ok'],
  ] as const)('of %j the whole is %s', (verdicts, whole) => {
    expect(overall(verdicts.map((verdict) => ({ name: 'a', verdict, found: '' })))).toBe(whole);
  });

  it('needs only earlier examinations, and verified TLS before any token is sent', () => {
    const names = EXAMINATIONS.map(({ name }) => name);
    for (const [index, { needs }] of EXAMINATIONS.entries()) {
      expect(needs.filter((need) => !names.slice(0, index).includes(need))).toEqual([]);
    }
    const reaches = (name: string): boolean =>
      name === 'tls' || EXAMINATIONS.find((one) => one.name === name)!.needs.some(reaches);
    expect(names.filter((name) => !reaches(name))).toEqual(['dns', 'tcp']);
  });
});

describe('the report', () => {
  const entries: Entry[] = [
    { name: 'dns', verdict: 'ok', found: 'fine', figures: { addresses: ['127.0.0.1'] } },
    { name: 'tls', verdict: 'warning', found: `old ${'and older '.repeat(15)}`.trim(), advice: 'Renew it.' },
    { name: 'auth', verdict: 'failed', found: 'wrong', advice: 'Give the right one.' },
    { name: 'idle', verdict: 'skipped', found: 'not asked for' },
  ];

  function table(paper: Paper): string {
    const report = new Table(paper);
    report.title('ws://localhost/');
    for (const entry of entries) {
      report.begins(entry.name);
      report.ends(entry);
    }
    report.summary(entries);
    return paper.text;
  }

  it('is an aligned table of plain text, wrapped within its columns', () => {
    const text = table(new Paper());
    expect(text.split('\n')).toEqual([
      'cairn-signal doctor ws://localhost/',
      '',
      '  ok       dns      fine',
      '  warning  tls      old and older and older and older and older and older and older and older and older and older and',
      '                    older and older and older and older and older and older',
      '                    -> Renew it.',
      '  failed   auth     wrong',
      '                    -> Give the right one.',
      '  skipped  idle     not asked for',
      '',
      'failed: 1 ok, 1 warning, 1 failed, 1 skipped',
      '',
    ]);
  });

  it('has colours if they are wanted, which change nothing else', () => {
    const text = table(new Paper(true));
    expect(text).toContain('\u001B[31mfailed   \u001B[0m');
    expect(text.replaceAll(/\u001B\[\d+m/g, '')).toBe(table(new Paper()));
  });

  it('shows what is being examined if a line can be rewritten', () => {
    const text = table(new Paper(false, true));
    expect(text).toContain('  ...      dns\r\u001B[2K  ok       dns      fine\n');
    expect(text.replaceAll(/ {2}\.{3} +\w+\r\u001B\[2K/g, '')).toBe(table(new Paper()));
  });

  it('is one line of JSON', () => {
    const text = renderJson('ws://localhost/', entries);
    expect(text).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(text)).toEqual({ version: 2, url: 'ws://localhost/', verdict: 'failed', examinations: entries });
  });
});

describe('words', () => {
  it.each([
    [0.04, '0 ms'],
    [1.26, '1.3 ms'],
    [12.6, '13 ms'],
    [1500, '1.5 s'],
    [60_000, '60 s'],
    [120_000, '2 min'],
  ])('%d ms are %s', (milliseconds, text) => {
    expect(time(milliseconds)).toBe(text);
  });

  it('of a server are one line without control characters', () => {
    expect(printable('\u001B[2Ja\r\nb\u202Ec\u2028d\uD800 ')).toBe('[2Ja b c d\uFFFD');
    expect(printable('x'.repeat(200))).toBe(`${'x'.repeat(160)}...`);
  });
});
