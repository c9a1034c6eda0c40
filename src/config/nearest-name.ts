/** The name that `written` most likely stands for; undefined when none is near. */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Math.max(2, Math.floor(written.length / 3)) + 1;
  for (const name of names) {
    const distance = distanceBetween(written.toLowerCase(), name.toLowerCase());
    if (distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

/** ` (did you mean NAME?)`, or an empty string when no name is near. `prefix` goes before the suggested name. */
export function suggestion(written: string, names: readonly string[], prefix = ''): string {
  const name = nearestName(written, names);
  return name === undefined ? '' : ` (did you mean ${prefix}${name}?)`;
}

/** Shortest part of a name, in characters, that counts as two typos away from it. */
const SHORTEST_PART = 3;

function distanceBetween(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  const distance = editDistance(a, b);
  return short.length >= SHORTEST_PART && long.includes(short) ? Math.min(distance, 2) : distance;
}

/** The Levenshtein distance: insertions, deletions and substitutions from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
