import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/**
 * Packs the chart as `helm package` does: one folder of the chart's name, in a .tgz of name and version. The same files
 * give the same bytes.
 * @param {{ chart: string, version: string, out: string, created: number }} of folders, and Unix seconds
 * @returns {string} the file
 */
export function packChart({ chart, version, out, created }) {
  const name = basename(chart);
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX'];
  const tar = execFileSync(
    'tar',
    ['--create', '--format=ustar', '--sort=name', `--mtime=@${created}`, ...owner, '--directory', dirname(chart), name],
    { env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 2 ** 26 },
  );
  mkdirSync(out, { recursive: true });
  const file = join(out, `${name}-${version}.tgz`);
  writeFileSync(file, gzipSync(tar, { level: 9 }));
  return file;
}
