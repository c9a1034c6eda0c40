import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';
/** Length of the period that a CPU quota is for, in microseconds: the kernel's default, and Kubernetes'. */
const PERIOD = 100_000;

/** The kernel may need a moment after the last process has ended. */
const ATTEMPTS = 50;
const PAUSE_MS = 20;

/**
 * A cgroup with the memory and the CPU of a container, of version 2 or 1. Owns its folders. Does not know what runs in
 * it.
 */
export class Container {
  #folders;
  #memory;

  /**
   * @param {{ memoryMiB: number, cpus: number }} size
   * @throws Error where this user may not make cgroups
   */
  constructor({ memoryMiB, cpus }, root = CGROUPS) {
    const name = `cairn-signal-bench-${process.pid}-${memoryMiB}`;
    const bytes = memoryMiB * 1024 * 1024;
    const quota = Math.round(cpus * PERIOD);
    if (existsSync(join(root, 'cgroup.controllers'))) {
      writeFileSync(join(root, 'cgroup.subtree_control'), '+memory +cpu');
      this.#folders = [join(root, name)];
      this.#make({ 'memory.max': bytes, 'memory.swap.max': 0, 'cpu.max': `${quota} ${PERIOD}` });
      this.#memory = { used: 'memory.current', inactive: 'inactive_file' };
    } else {
      this.#folders = [join(root, 'memory', name), join(root, 'cpu', name)];
      this.#make({ 'memory.limit_in_bytes': bytes }, { 'cpu.cfs_period_us': PERIOD, 'cpu.cfs_quota_us': quota });
      this.#memory = { used: 'memory.usage_in_bytes', inactive: 'total_inactive_file' };
    }
  }

  /** A command to put before another one, which then runs in the container. */
  get wrapper() {
    const enter = this.#folders.map((folder) => `echo $$ > ${folder}/cgroup.procs`).join(' && ');
    return ['sh', '-c', `${enter} && exec "$@"`, 'sh'];
  }

  /**
   * The bytes in use that the kernel cannot take back, as Kubernetes counts them: with the memory of sockets, and without
   * files that were read once.
   */
  get workingSet() {
    const [folder] = this.#folders;
    const { used, inactive } = this.#memory;
    const stat = readFileSync(join(folder, 'memory.stat'), 'utf8');
    const [, cold] = new RegExp(`^${inactive} (\\d+)$`, 'm').exec(stat) ?? [];
    return Number(readFileSync(join(folder, used), 'utf8')) - Number(cold ?? 0);
  }

  /** Once what ran in it has ended, or was killed. */
  remove() {
    for (const folder of this.#folders.splice(0)) remove(folder);
  }

  #make(...limits) {
    for (const [i, folder] of this.#folders.entries()) {
      mkdirSync(folder);
      for (const [file, value] of Object.entries(limits[i])) writeFileSync(join(folder, file), String(value));
    }
  }
}

function remove(/** @type {string} */ folder) {
  for (let attempt = 1; ; attempt++) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (error.code !== 'EBUSY' || attempt === ATTEMPTS) throw error;
      // Nothing else may run while this process ends.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
