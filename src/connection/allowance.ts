/** What one principal may have on this node, where that differs from the settings; 0 is no limit. */
export interface Allowance {
  /** Connections at a time, in place of max-connections-per-principal. */
  readonly connections?: number;
  /** Topics that all of its connections together subscribe to, in place of max-topics-per-principal. */
  readonly topics?: number;
  /** Messages of all of its connections per second, in place of max-messages-per-second-per-principal. */
  readonly rate?: number;
  /** Messages in a burst, in place of message-burst-per-principal. */
  readonly burst?: number;
}

/** The least and the most of each, as for the settings. */
const RANGES: { readonly [Name in keyof Allowance]-?: readonly [least: number, most: number] } = {
  connections: [0, 10_000_000],
  topics: [0, 10_000_000],
  rate: [0, 1_000_000],
  burst: [1, 1_000_000],
};

/**
 * Reads an allowance that an issuer or a guard gives (A16). Ignores what it does not know, which may be for others.
 * Returns what must be otherwise, as the rest of a sentence, where it is none; it repeats no value.
 */
export function readAllowance(given: unknown): Allowance | string {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return `must be an object of ${Object.keys(RANGES).join(', ')}`;
  }
  const allowance: Partial<Record<keyof Allowance, number>> = {};
  for (const [name, [least, most]] of Object.entries(RANGES) as [keyof Allowance, readonly [number, number]][]) {
    const value: unknown = Object.hasOwn(given, name) ? (given as Allowance)[name] : undefined;
    if (value === undefined) continue;
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      return `must have a whole number from ${least} to ${most} for ${name}`;
    }
    allowance[name] = value as number;
  }
  return Object.freeze(allowance);
}
