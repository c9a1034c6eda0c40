/**
 * The first release of each line of Node that hashes integer-like strings with a secret (CVE-2026-21717). Before it, JSON of a peer's choice
 * makes strings that collide, and one message holds the whole process up. `engines` in package.json says the same.
 */
export const FIRST_FIXED = ['20.20.2', '22.22.2', '24.14.1', '25.8.2'];
/** From this line on, every release has it. */
export const FIXED_LINE = 26;

/** A sentence where this version of Node lacks the fix. It is served on all the same: distributions carry fixes back into old versions. */
export function nodeWarnings(version: string = process.versions.node): readonly string[] {
  const [line, minor, patch] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (line >= FIXED_LINE) return [];
  const fixed = FIRST_FIXED.map((first) => first.split('.').map(Number)).find(([major]) => major === line);
  if (fixed !== undefined && (minor > fixed[1] || (minor === fixed[1] && patch >= fixed[2]))) return [];
  const update =
    fixed === undefined
      ? `a line that is maintained: ${FIRST_FIXED.join(', ')} or newer`
      : `${fixed.join('.')} or newer`;
  return [
    `this is Node ${version}, on which a peer can slow the whole server down with JSON that it chose (CVE-2026-21717): update Node to ${update}`,
  ];
}
