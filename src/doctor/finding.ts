/** How an examination ended. Only `failed` makes the doctor's exit code 1. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'skipped';

/** The measurements of an examination, for programs that read the report. docs/doctor.md lists the names. */
export type Figures = Readonly<Record<string, unknown>>;

/** The result of one examination. Never holds the token. */
export interface Finding {
  readonly verdict: Verdict;
  /** A sentence, with figures. */
  readonly found: string;
  /** What to do about the finding; absent when there is nothing to do. */
  readonly advice?: string;
  readonly figures?: Figures;
}

export function ok(found: string, figures?: Figures): Finding {
  return { verdict: 'ok', found, ...(figures && { figures }) };
}

export function warning(found: string, advice: string, figures?: Figures): Finding {
  return { verdict: 'warning', found, advice, ...(figures && { figures }) };
}

export function failed(found: string, advice: string, figures?: Figures): Finding {
  return { verdict: 'failed', found, advice, ...(figures && { figures }) };
}

export function skipped(found: string): Finding {
  return { verdict: 'skipped', found };
}

/** Thrown by an examination that failed, with the reason. */
export class Trouble extends Error {
  override readonly name = 'Trouble';

  constructor(
    readonly found: string,
    readonly advice: string,
    readonly figures?: Figures,
  ) {
    super(found);
  }
}
