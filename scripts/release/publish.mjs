import { spawnSync } from 'node:child_process';
import { compareVersions, readVersion, ReleaseFault } from './version.mjs';

/** The packages, the client first: the server's own build has it already. */
export const PACKAGES = [
  { name: 'cairn-signal-client', options: ['--workspace', 'client'] },
  { name: 'cairn-signal', options: ['--workspaces=false'] },
];

/**
 * Publishes the packages whose version the registry does not have, with provenance. A pre-release gets the tag `next`, and a
 * patch of an old line `release-X.Y`: `latest` never goes back.
 * @param {Readonly<Record<string, string>>} versions by name of package
 * @param {{ dryRun: boolean, npm?: (args: readonly string[]) => { status: number | null, stdout: string, stderr: string, error?: Error } }} how
 * @returns {string[]} what was done, a line for each
 * @throws ReleaseFault if npm fails; what was published before stays published
 */
export function publish(versions, { dryRun, npm = runNpm }) {
  return PACKAGES.map(({ name, options }) => {
    const version = versions[name];
    if (viewed(npm, `${name}@${version}`, 'version') !== '') return `${name}@${version} is published already`;
    const tag = distTag(readVersion(version), viewed(npm, name, 'dist-tags.latest'));
    const how = dryRun ? ['--dry-run'] : ['--provenance'];
    const done = npm(['publish', ...options, '--access', 'public', '--tag', tag, ...how]);
    if (done.status !== 0) throw new ReleaseFault(`npm publish of ${name}@${version} failed: ${done.stderr.trim()}`);
    return `${name}@${version} ${dryRun ? 'would be published' : 'is published'} as ${tag}`;
  });
}

/**
 * What npm knows of a package, in JSON; nothing where it has none. It ends with 1 and E404 for a package that it does not
 * have, and with 0 and no output for such a version.
 */
function viewed(npm, of, what) {
  const { status, stdout, stderr, error } = npm(['view', of, what, '--json']);
  if (status === 0) return stdout.trim();
  if (error === undefined && `${stdout}${stderr}`.includes('E404')) return '';
  throw new ReleaseFault(`npm cannot say whether there is ${of}: ${error?.message ?? stderr.trim()}`);
}

/** The tag of npm for a version, beside what `latest` is now: a text in JSON, or nothing for a package that is new. */
function distTag(version, latest) {
  if (version.pre.length > 0) return 'next';
  const now = /^"(.+)"$/.exec(latest)?.[1];
  if (now === undefined || compareVersions(readVersion(now), version) <= 0) return 'latest';
  return `release-${version.numbers.slice(0, 2).join('.')}`;
}

function runNpm(args) {
  return spawnSync('npm', args, { encoding: 'utf8' });
}
