import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Number of files that this process, and each one that it starts, may open. Node raises the soft limit to the hard one.
 */
export function openFilesLimit() {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return hard === 'unlimited' ? Infinity : Number(hard);
}

/** Raises the limit to `needed` if it is lower. Returns undefined, or why the limit could not be raised. */
export function raiseOpenFiles(needed) {
  if (openFilesLimit() >= needed) return undefined;
  const { error, status, stderr } = spawnSync(
    'prlimit',
    ['--pid', String(process.pid), `--nofile=${needed}:${needed}`],
    { encoding: 'utf8' },
  );
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}
