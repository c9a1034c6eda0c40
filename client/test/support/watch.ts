import type { TypedTarget } from '../../src/index.js';

/** What happened on a target, by event: the fields that the client adds to each. */
export function watch<Events>(
  target: TypedTarget<Events>,
  ...types: (keyof Events & string)[]
): [string, Record<string, unknown>][] {
  const seen: [string, Record<string, unknown>][] = [];
  for (const type of types) {
    target.addEventListener(type, (event) => {
      seen.push([type, Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'isTrusted'))]);
    });
  }
  return seen;
}

const real = setImmediate;

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => real(resolve));
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);
