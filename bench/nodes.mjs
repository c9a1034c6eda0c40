import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
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

/**
 * Other servers to measure, each as PATH or NAME=PATH. A file of JavaScript is another build of this server, by its
 * dist/main.js, and runs on each Node.
 * @param {readonly string[]} given
 * @returns {{ name: string, program: string, onNode: boolean }[]}
 */
export function otherServers(given) {
  const others = given.map((one) => {
    const [, name, path] = /^(?:([^/=]+)=)?(.+)$/.exec(one);
    const program = resolve(path);
    const onNode = /^\.[cm]?js$/.test(extname(program));
    requireFile(path, program, onNode ? constants.R_OK : constants.X_OK);
    return { name: name ?? basename(program, extname(program)), program, onNode };
  });
  const twice = others.find(({ name }, i) => others.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) throw new Misused(`--beside: two are called ${twice.name}; give one as NAME=PATH`);
  return others;
}

function requireFile(/** @type {string} */ path, /** @type {string} */ program, /** @type {number} */ mode) {
  try {
    accessSync(program, mode);
  } catch (error) {
    const why = error.code === 'ENOENT' ? `there is no ${path}` : `${path} is not a program that may be started`;
    throw new Misused(`--beside: ${why}`);
  }
  if (!statSync(program).isFile()) throw new Misused(`--beside: ${path} is not a file`);
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
