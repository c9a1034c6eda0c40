import { spawnSync } from 'node:child_process';
import { Misused } from './arguments.mjs';

/** Any core, as the kernel likes. */
export const ANY_CORE = { server: [], load: [] };

/**
 * What to put before the commands of the server and of the load, so that each has cores of its own: the server the last
 * one that this process may use, the load all others. What the server does on other threads then counts against its own
 * core too, such as collecting garbage.
 */
export function coresApart() {
  const { error, status, stdout } = spawnSync('taskset', ['-pc', String(process.pid)], { encoding: 'utf8' });
  if (error !== undefined || status !== 0) throw new Misused('--pin: taskset is missing; Debian has it in util-linux');
  const cores = parseCores(stdout.slice(stdout.lastIndexOf(':') + 1));
  if (cores.length < 2) throw new Misused('--pin: this process may use one core only, so there are none to keep apart');
  return {
    server: ['taskset', '-c', String(cores.at(-1))],
    load: ['taskset', '-c', cores.slice(0, -1).join(',')],
  };
}

/**
 * The cores of a list such as "0-2,5".
 * @param {string} list
 * @returns {number[]}
 */
export function parseCores(list) {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.trim().split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_one, i) => first + i);
  });
}
