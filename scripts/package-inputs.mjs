// What the packages and the image of the server are made of, besides its own files.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** npm's name of each of Debian's architectures, which are Docker's too. */
export const ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' };

/** The architecture of this machine, as Debian names it; undefined for all others. */
export const NATIVE = Object.keys(ARCHITECTURES).find((one) => ARCHITECTURES[one] === process.arch);

/**
 * Fetches Node's binary from npm, whose packages hold it as its project builds it.
 * @param version such as 24 or 24.14.1
 * @param arch amd64 or arm64
 * @param into a folder for it
 * @returns its path
 */
export function fetchNode(version, arch, into) {
  const name = `node-linux-${ARCHITECTURES[arch]}@${version}`;
  const [{ filename }] = JSON.parse(run('npm', 'pack', '--json', '--silent', '--pack-destination', into, name));
  run('tar', '-xzf', join(into, filename), '-C', into, 'package/bin/node');
  return join(into, 'package/bin/node');
}

/** When the sources were made, in Unix seconds: packages and images carry no other time. */
export function sourceDate() {
  return Number(process.env.SOURCE_DATE_EPOCH ?? run('git', 'log', '-1', '--format=%ct'));
}

/** Runs a program. Returns what it printed. */
export function run(file, ...args) {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 });
}
