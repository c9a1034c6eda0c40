import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** How many files this process may open, and any that it starts: Node raises the soft limit to the hard one by itself. */
export function mostOpenFiles() {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return hard === 'unlimited' ? Infinity : Number(hard);
}

/** Raises the limit if it is below `needed` and this process may; what it returns says why it stayed, if it did. */
export function raiseOpenFiles(needed) {
  if (mostOpenFiles() >= needed) return undefined;
  const { error, status, stderr } = spawnSync(
    'prlimit',
    ['--pid', String(process.pid), `--nofile=${needed}:${needed}`],
    { encoding: 'utf8' },
  );
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}
