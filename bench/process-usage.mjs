import { readdirSync, readFileSync } from 'node:fs';

/** Ticks per second in /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const NO_SUCH_FILE = 'ENOENT';

/** CPU time that some processes have used so far, in microseconds. */
export function cpuMicroseconds(/** @type {readonly number[]} */ pids) {
  return pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
}

/**
 * The same of one process. Adds up the scheduler's figures for each thread if the
 * kernel keeps them. /proc/PID/stat has steps of 10 ms, a tenth of what the floor needs for a paced case.
 */
function cpuOf(pid) {
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

/** The same from a line of /proc/PID/stat. The name of the process, in brackets, may contain anything. */
export function cpuFromTicks(stat) {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]].map(Number);
  return ((user + system) / TICKS_PER_SECOND) * 1e6;
}

/** Resident memory of some processes now, in bytes. */
export function residentBytes(/** @type {readonly number[]} */ pids) {
  return pids.reduce((sum, pid) => sum + kilobytes(pid, 'VmRSS') * 1024, 0);
}

/** Highest resident memory of a process so far, in bytes. */
export function peakResidentBytes(pid) {
  return kilobytes(pid, 'VmHWM') * 1024;
}

function kilobytes(pid, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}
