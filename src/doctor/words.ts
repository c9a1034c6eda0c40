/** How figures and what a server said are written in a finding. */

/** The longest text of a server's that is repeated unless told otherwise, in characters. */
const MOST_REPEATED = 160;

/** What a server said, fit for a terminal: on one line, cut behind `most` characters, and without the control and direction characters that could drive it. */
export function printable(text: string, most = MOST_REPEATED): string {
  const plain = text
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return plain.length > most ? `${plain.slice(0, most)}...` : plain;
}

/** Milliseconds as a person reads them: `0.4 ms`, `12 ms`, `1.5 s`, `2 min`. */
export function time(milliseconds: number): string {
  if (milliseconds < 10) return `${round(milliseconds, 1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${round(milliseconds / 1000, 1)} s`;
  return `${round(milliseconds / 60_000, 1)} min`;
}

/** `1 address`, `2 addresses`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A number of bytes, with thousands set off. */
export function bytes(count: number): string {
  return `${count.toLocaleString('en-US')} bytes`;
}

/** Milliseconds to the microsecond, for figures. */
export function exact(milliseconds: number): number {
  return round(milliseconds, 3);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
