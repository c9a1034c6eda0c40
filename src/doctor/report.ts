import { overall } from './doctor.js';
import type { Entry, Observer } from './doctor.js';
import type { Verdict } from './finding.js';
import { counted } from './words.js';

/** Renders the doctor's findings: a table for people, JSON for programs. */

/** The output of a table. */
export interface Screen {
  /** Whether the output shows colours, and the user wants them. */
  readonly colours: boolean;
  /** Whether a line can be erased. Then the table shows which examination is running. */
  readonly rewritable: boolean;
  write(text: string): void;
}

/** Version of the JSON report. It rises when programs that read the report would no longer understand it. */
const SHAPE = 2;
const COLOURS: Record<Verdict, number> = { ok: 32, warning: 33, failed: 31, skipped: 90 };
const VERDICT_COLUMN = 9;
const NAME_COLUMN = 9;
const INDENT = ' '.repeat(2 + VERDICT_COLUMN + NAME_COLUMN);
/** Characters per line. */
const WIDTH = 120;
const ERASE_LINE = '\r\u001B[2K';

/** Writes a table, each finding as soon as it is known. */
export class Table implements Observer {
  constructor(private readonly screen: Screen) {}

  title(url: string): void {
    this.screen.write(`cairn-signal doctor ${url}\n\n`);
  }

  begins(name: string): void {
    if (this.screen.rewritable) this.screen.write(`  ${'...'.padEnd(VERDICT_COLUMN)}${name}`);
  }

  ends({ name, verdict, found, advice }: Entry): void {
    const text = [found, ...(advice === undefined ? [] : [`-> ${advice}`])]
      .map((sentence) => wrap(sentence, WIDTH - INDENT.length))
      .join(`\n${INDENT}`);
    const erase = this.screen.rewritable ? ERASE_LINE : '';
    this.screen.write(
      `${erase}  ${this.#coloured(verdict, verdict.padEnd(VERDICT_COLUMN))}${name.padEnd(NAME_COLUMN)}${text}\n`,
    );
  }

  summary(entries: readonly Entry[]): void {
    const count = (verdict: Verdict): number => entries.filter((entry) => entry.verdict === verdict).length;
    const verdict = overall(entries);
    const parts = [
      `${count('ok')} ok`,
      counted(count('warning'), 'warning'),
      `${count('failed')} failed`,
      `${count('skipped')} skipped`,
    ];
    this.screen.write(`\n${this.#coloured(verdict, verdict)}: ${parts.join(', ')}\n`);
  }

  #coloured(verdict: Verdict, text: string): string {
    return this.screen.colours ? `\u001B[${COLOURS[verdict]}m${text}\u001B[0m` : text;
  }
}

/** Renders the findings as one line of JSON (docs/doctor.md). */
export function renderJson(url: string, entries: readonly Entry[]): string {
  return `${JSON.stringify({ version: SHAPE, url, verdict: overall(entries), examinations: entries })}\n`;
}

/** Breaks a sentence into lines of at most `width` characters, after the columns. */
function wrap(sentence: string, width: number): string {
  const lines: string[] = [];
  for (const word of sentence.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join(`\n${INDENT}`);
}
