/** Formats numbers, and text from a server, for findings. */

/** Longest text from a server that a finding repeats by default, in characters. */
const MOST_REPEATED = 160;

/**
 * Makes text from a server safe for a terminal: one line, cut after `most` characters, without control and direction
 * characters.
 */
export function printable(text: string, most = MOST_REPEATED): string {
  const plain = text
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return plain.length > most ? `${plain.slice(0, most)}...` : plain;
}

/** Formats milliseconds for people: `0.4 ms`, `12 ms`, `1.5 s`, `2 min`. */
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

/** Formats a number of bytes, with thousands separators. */
export function bytes(count: number): string {
  return `${count.toLocaleString('en-US')} bytes`;
}

/** Rounds milliseconds to the microsecond, for figures. */
export function exact(milliseconds: number): number {
  return round(milliseconds, 3);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
