/** An entry of a setting that may begin with an issuer and a space. */
export interface ForIssuer {
  /** One of `jwt-issuer`; undefined where the entry is for all issuers. */
  readonly issuer: string | undefined;
  readonly value: string;
}

/** The first word of an entry, and what follows it. */
const FIRST_WORD = /^(\S+)[ \t]+(\S.*)$/;

/** What follows the first word of an entry; undefined where it is one word. */
export function afterFirstWord(entry: string): string | undefined {
  return FIRST_WORD.exec(entry)?.[2];
}

/** The first word of an entry of several words; undefined where it is one word. */
export function firstWord(entry: string): string | undefined {
  return FIRST_WORD.exec(entry)?.[1];
}

/** Reads an entry. Its first word is an issuer only where `issuers` has it, letter for letter. */
export function forIssuer(entry: string, issuers: readonly string[]): ForIssuer {
  const [, issuer = '', value = ''] = FIRST_WORD.exec(entry) ?? [];
  return issuers.includes(issuer) ? { issuer, value } : { issuer: undefined, value: entry };
}

/**
 * The values that hold for an issuer: those of the entries that begin with it or, where there are none, those of the
 * entries that begin with no issuer.
 */
export function chosen(entries: readonly ForIssuer[], issuer: string): string[] {
  const own = entries.filter((entry) => entry.issuer === issuer);
  const those = own.length > 0 ? own : entries.filter((entry) => entry.issuer === undefined);
  return those.map(({ value }) => value);
}
