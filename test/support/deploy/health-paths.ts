import { readFileSync } from 'node:fs';

/** The paths in README.md, "Health", which a deployment may request. */
const rows = [
  ...readFileSync(new URL('../../../README.md', import.meta.url), 'utf8').matchAll(
    /^\| `(\/health\/(live|ready))` \|/gm,
  ),
];

export const HEALTH_PATHS = Object.fromEntries(rows.map(([, path, what]) => [what, path])) as {
  readonly live: string;
  readonly ready: string;
};
