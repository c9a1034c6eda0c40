import type { Examination } from './examinations.js';
import { skipped, Trouble } from './finding.js';
import type { Finding, Verdict } from './finding.js';
import type { Subject } from './subject.js';

/** A finding and the examination that made it. */
export interface Entry extends Finding {
  readonly name: string;
}

/** Who follows the examinations while they run. */
export interface Observer {
  begins(name: string): void;
  ends(entry: Entry): void;
}

/** Runs one examination after the other; one that needs another which failed is skipped. */
export async function examineAll(
  subject: Subject,
  examinations: readonly Examination[],
  observer: Observer,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  /** By what is wanting, the examination that failed. */
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

/** The worst of the verdicts; nothing to look at is nothing wrong. */
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
    const { found, mend, figures } = error;
    return { verdict: 'failed', found, mend, ...(figures && { figures }) };
  }
}
