import { readdirSync, readFileSync } from 'node:fs';

/** How many parts of a second /proc counts in, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const NO_SUCH_FILE = 'ENOENT';

/**
 * CPU that a process has used so far, in microseconds. By the scheduler's own account, thread by thread, where the kernel keeps
 * one: /proc/PID/stat counts in 10 ms, which is a tenth of what the floor needs for a paced case.
 */
export function cpuMicroseconds(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    return nanoseconds.reduce((sum, part) => sum + part, 0) / 1000;
  } catch (error) {
    if (error.code !== NO_SUCH_FILE) throw error;
    return cpuFromTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  }
}

/** The same from a line of /proc/PID/stat, in which the process's name, in brackets, may hold anything. */
export function cpuFromTicks(stat) {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]].map(Number);
  return ((user + system) / TICKS_PER_SECOND) * 1e6;
}

/** Memory that a process holds now, in bytes. */
export function residentBytes(pid) {
  return kilobytes(pid, 'VmRSS') * 1024;
}

/** The most that it has held. */
export function peakResidentBytes(pid) {
  return kilobytes(pid, 'VmHWM') * 1024;
}

function kilobytes(pid, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}
