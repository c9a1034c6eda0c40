/** How an examination ended. Only `failed` makes the doctor's exit code 1. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'skipped';

/** What an examination measured, for programs that read the report; docs/operations.md has the names. */
export type Figures = Readonly<Record<string, unknown>>;

/** What one examination found. Never holds the token. */
export interface Finding {
  readonly verdict: Verdict;
  /** A sentence, with figures. */
  readonly found: string;
  /** What to do about it; absent when there is nothing to do. */
  readonly mend?: string;
  readonly figures?: Figures;
}

export function ok(found: string, figures?: Figures): Finding {
  return { verdict: 'ok', found, ...(figures && { figures }) };
}

export function warning(found: string, mend: string, figures?: Figures): Finding {
  return { verdict: 'warning', found, mend, ...(figures && { figures }) };
}

export function failed(found: string, mend: string, figures?: Figures): Finding {
  return { verdict: 'failed', found, mend, ...(figures && { figures }) };
}

export function skipped(found: string): Finding {
  return { verdict: 'skipped', found };
}

/** Thrown in the midst of an examination: it failed, and this is why. */
export class Trouble extends Error {
  override readonly name = 'Trouble';

  constructor(
    readonly found: string,
    readonly mend: string,
    readonly figures?: Figures,
  ) {
    super(found);
  }
}
