import type { Examination } from './examinations.js';
import { skipped, Trouble } from './finding.js';
import type { Finding, Verdict } from './finding.js';
import type { Subject } from './subject.js';

/** A finding, with the name of its examination. */
export interface Entry extends Finding {
  readonly name: string;
}

/** Follows the examinations while they run. */
export interface Observer {
  begins(name: string): void;
  ends(entry: Entry): void;
}

/** Runs the examinations one after the other. Skips one that needs another one that failed. */
export async function examineAll(
  subject: Subject,
  examinations: readonly Examination[],
  observer: Observer,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  /** For each examination without a result, the one that failed and caused that. */
  const wanting = new Map<string, string>();
  for (const { name, needs, examine } of examinations) {
    const cause = needs.map((need) => wanting.get(need)).find((failure) => failure !== undefined);
    observer.begins(name);
    const finding = cause === undefined ? await outcome(examine, subject) : skipped(`not tried, since ${cause} failed`);
    if (cause !== undefined) wanting.set(name, cause);
    else if (finding.verdict === 'failed') wanting.set(name, name);
    const entry = { name, ...finding };
    entries.push(entry);
    observer.ends(entry);
  }
  return entries;
}

/** The worst verdict. A skipped examination counts as ok. */
export function overall(entries: readonly Entry[]): Exclude<Verdict, 'skipped'> {
  const has = (verdict: Verdict): boolean => entries.some((entry) => entry.verdict === verdict);
  if (has('failed')) return 'failed';
  return has('warning') ? 'warning' : 'ok';
}

async function outcome(examine: Examination['examine'], subject: Subject): Promise<Finding> {
  try {
    return await examine(subject);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    const { found, advice, figures } = error;
    return { verdict: 'failed', found, advice, ...(figures && { figures }) };
  }
}
