/** Characters of what names a peer. */
const MOST_CHARACTERS = 255;

/** Whether this may name a peer: it goes into logs, so it is text of 1 to 255 characters that neither end a line nor drive a terminal. */
export function isPrincipal(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MOST_CHARACTERS &&
    !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(value)
  );
}
