/**
 * Describes what was thrown: an error's class and where it was thrown, or the type of anything else. Leaves out the
 * text, which may hold what must not be in the log. Never throws.
 */
export function nameOf(error: unknown): string {
  return safely(error, ({ name, message, stack }) => {
    const frames = typeof stack === 'string' ? stack.replace(String(message), '').split('\n    at ') : [];
    return frames.length > 1 ? `${String(name)} at ${frames[1]}` : String(name);
  });
}

/** Returns the class of an error, or the type of anything else that was thrown. Never throws. */
export function classOf(error: unknown): string {
  return safely(error, ({ name }) => String(name));
}

/** Returns the class of an object that an application or an operator made; "Object" where it tells none. Never throws. */
export function makerOf(made: object): string {
  try {
    const { name }: { name: unknown } = made.constructor;
    return String(name);
  } catch {
    return 'Object';
  }
}

/**
 * Returns the whole text of an error, for the level debug: it may hold what must not be in the log. Returns the type of
 * anything else. Never throws.
 */
export function textOf(error: unknown): string {
  return safely(error, ({ name, stack }) => String(stack ?? name));
}

/** What an error says of itself, unchecked. */
interface Said {
  readonly name: unknown;
  readonly message: unknown;
  readonly stack?: unknown;
}

/** Describes an error; anything else, such as a proxy or an error whose getters throw, by its type. */
function safely(error: unknown, describe: (said: Said) => string): string {
  try {
    return error instanceof Error ? describe(error) : typeof error;
  } catch {
    return typeof error;
  }
}
