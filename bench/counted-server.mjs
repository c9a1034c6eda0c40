import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { MeasuredProcess } from './measured-process.mjs';

const run = promisify(execFile);
/** Nothing is counted until it is asked for, so that the start is quicker. Often looks whether it is asked something. */
const VALGRIND = [
  ...'valgrind --quiet --tool=callgrind --smc-check=all-non-file --instr-atstart=no --vgdb-poll=500'.split(' '),
  '--callgrind-out-file=/dev/null',
];
/**
 * V8 works in the same order each time: on one thread, and with the same hashes. It has room for all garbage, since when
 * it collects, and what it then finds, would be most of the difference between two runs.
 */
const STEADY = [
  '--predictable',
  '--hash-seed=1',
  '--random-seed=1',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
  '--initial-old-space-size=2048',
];
/** Nothing else happens by the clock, and nobody is too slow. */
const FLAGS = ['--ping-interval', '1h', '--handshake-timeout', '60s'];
const START_MS = 180_000;
/** Time between pings that wake the server so that it looks whether it is asked something. */
const STIR_MS = 100;

/** Why instructions cannot be counted here, or undefined. */
export function cannotCount() {
  const found = ['valgrind', 'vgdb'].every((program) => spawnSync(program, ['--help']).error === undefined);
  return found ? undefined : 'valgrind is missing; on Debian: apt-get install valgrind';
}

/**
 * The built server under valgrind, which counts the instructions that it runs outside the kernel. Owns the process. Does
 * not know the load.
 */
export class CountedServer {
  #process;

  static async started(/** @type {string} */ node) {
    const how = { node, wrapper: VALGRIND, nodeFlags: STEADY, startMs: START_MS };
    return new CountedServer(await MeasuredProcess.server(FLAGS, undefined, how));
  }

  constructor(process) {
    this.#process = process;
  }

  get port() {
    return this.#process.port;
  }

  /** Begins to count. `stir` gives the server something to do, here and below: one that sleeps hears nothing. */
  async begin(/** @type {() => void} */ stir) {
    await this.#ask(stir, 'instrumentation', 'on');
  }

  /** Instructions of all threads so far. */
  async counted(/** @type {() => void} */ stir) {
    return parseCount(await this.#ask(stir, 'status', 'internal'));
  }

  async stop() {
    await this.#process.stop();
  }

  async #ask(stir, ...command) {
    const stirring = setInterval(() => stir(), STIR_MS);
    try {
      // Not by ptrace, which containers may forbid.
      const { stdout } = await run('vgdb', [`--pid=${this.#process.pid}`, '--max-invoke-ms=0', ...command]);
      return stdout;
    } finally {
      clearInterval(stirring);
    }
  }
}

/** The sum over the threads in callgrind's `status internal`. */
export function parseCount(/** @type {string} */ printed) {
  const threads = [...printed.matchAll(/^events-\d+: (\d+)$/gm)];
  if (threads.length === 0) throw new Error(`valgrind gives no counts:\n${printed}`);
  return threads.reduce((sum, [, count]) => sum + Number(count), 0);
}
