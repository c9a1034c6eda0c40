/** Maximum number of characters in a principal. */
export const MOST_CHARACTERS = 255;

/**
 * Whether a value may be a principal. Principals go into logs, so they have 1 to 255 characters, and none that ends a
 * line or controls a terminal.
 */
export function isPrincipal(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MOST_CHARACTERS &&
    !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(value)
  );
}

/** What is wrong with a guard that sets anything else. */
export const NO_PRINCIPAL = `set a principal that is not text of 1 to ${MOST_CHARACTERS} characters without control characters`;
