import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Misused } from './arguments.mjs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const ANSWER_MS = 10_000;
const ASK = ['-p', '`node ${process.version}`'];

/**
 * Asks the Node binaries at `paths` for their versions. Without paths, there is only the Node of this process. Two of the
 * same version are told apart by a number, so that a script that starts Node with other flags can be one of them.
 * @param {readonly string[]} paths
 * @returns {{ path: string, label: string }[]} in the given order
 */
export function measuredNodes(paths) {
  if (paths.length === 0) return [{ path: process.execPath, label: process.version }];
  const versions = paths.map(versionOf);
  return paths.map((path, i) => {
    const before = versions.slice(0, i).filter((version) => version === versions[i]).length;
    return { path, label: before === 0 ? versions[i] : `${versions[i]} #${before + 1}` };
  });
}

function versionOf(/** @type {string} */ path) {
  const { error, stdout } = spawnSync(path, ASK, { encoding: 'utf8', timeout: ANSWER_MS, killSignal: 'SIGKILL' });
  if (error?.code === 'ENOENT') throw new Misused(`--node: there is no ${path}`);
  if (error?.code === 'EACCES') throw new Misused(`--node: ${path} is not a program that may be started`);
  const [, version] = /^node (v\d+\.\d+\.\d+\S*)$/m.exec(stdout ?? '') ?? [];
  if (version === undefined) throw new Misused(`--node: ${path} is not Node: it does not tell its version`);
  if (!supports(engines.node, version)) {
    throw new Misused(`--node: ${path} is Node ${version}, but the server needs ${engines.node}`);
  }
  return version;
}

/**
 * Whether a version is in a range such as "^20.20.2 || >=26.0.0". A pre-release counts as its release.
 * @param {string} range
 * @param {string} version
 */
export function supports(range, version) {
  const [major, minor, patch] = numbers(version);
  return range.split('||').some((part) => {
    const [, operator, least] = /^(\^|>=)(\d+\.\d+\.\d+)$/.exec(part.trim()) ?? [];
    if (least === undefined) throw new Error(`package.json: engines.node: ${part} is not understood`);
    const [leastMajor, leastMinor, leastPatch] = numbers(least);
    if (major !== leastMajor) return operator === '>=' && major > leastMajor;
    return minor > leastMinor || (minor === leastMinor && patch >= leastPatch);
  });
}

function numbers(/** @type {string} */ version) {
  return /(\d+)\.(\d+)\.(\d+)/.exec(version).slice(1).map(Number);
}
