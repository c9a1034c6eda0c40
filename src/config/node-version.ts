/**
 * First release in each line of Node that hashes integer-like strings with a secret (CVE-2026-21717). In older ones a
 * peer can choose JSON whose strings collide, and one message blocks the whole process. `engines` in package.json says
 * the same.
 */
export const FIRST_FIXED = ['20.20.2', '22.22.2', '24.14.1', '25.8.2'];
/** From this line on, every release has the fix. */
export const FIXED_LINE = 26;

/** Warns if this version of Node lacks the fix. The server runs anyway, because distributions backport fixes. */
export function nodeWarnings(version: string = process.versions.node): readonly string[] {
  const [line, minor, patch] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (line >= FIXED_LINE) return [];
  const fixed = FIRST_FIXED.map((first) => first.split('.').map(Number)).find(([major]) => major === line);
  if (fixed !== undefined && (minor > fixed[1] || (minor === fixed[1] && patch >= fixed[2]))) return [];
  const update =
    fixed === undefined ? `a maintained line: ${FIRST_FIXED.join(', ')} or newer` : `${fixed.join('.')} or newer`;
  return [
    `on Node ${version}, a peer can slow down the whole server with crafted JSON (CVE-2026-21717): ` +
      `update Node to ${update}`,
  ];
}
