import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endWithUs } from './child-processes.mjs';
import { cpuMicroseconds, residentBytes } from './process-usage.mjs';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const BARE_WS = fileURLToPath(new URL('bare-ws.mjs', import.meta.url));
/** Loaded into servers, so that they tell their heap. */
const INSIDE = new URL('inside.mjs', import.meta.url).href;
const SETTINGS = ['--listen-addr', '127.0.0.1:0', '--log-format', 'json', '--max-messages-per-second', '0'];
const START_MS = 20_000;
/** Only warnings, and the line that names the port. */
const LOG_FILTER = 'warn,cairn_signal::server=info';

/**
 * A process on loopback to measure. Owns the child process. Does not know the load. Invariant: it listens on `port`
 * when its factory resolves.
 */
export class MeasuredProcess {
  port = 0;
  /** How long it took to listen, in milliseconds, and its CPU and memory by then. */
  start;
  #child;
  #exited;

  /**
   * Starts the built server, or another server `program`, without limits that would distort the figures. `flags` are
   * further settings. `node` is the Node to start it with, `nodeFlags` are its own flags, and `wrapper` is a command to put
   * before it. `startMs` is how long it may take to listen.
   */
  static server(flags = [], program = MAIN, how = {}) {
    const { node = process.execPath, nodeFlags = [], wrapper = [], startMs } = how;
    return MeasuredProcess.#started('the server', [...wrapper, node, ...nodeFlags, program, ...SETTINGS, ...flags], {
      startMs,
    });
  }

  /** The same, with one that tells its heap. */
  static telling(flags, program = MAIN, { node = process.execPath, wrapper = [] } = {}) {
    const inside = ['--expose-gc', '--import', INSIDE];
    return MeasuredProcess.#started('the server', [...wrapper, node, ...inside, program, ...SETTINGS, ...flags], {
      channels: ['ipc'],
    });
  }

  /** Starts another server `program` that takes the same flags. */
  static other(program, flags = [], { wrapper = [] } = {}) {
    return MeasuredProcess.#started(program, [...wrapper, program, ...SETTINGS, ...flags]);
  }

  /** Starts bare ws. `certificate` is for TLS. */
  static bareWs(certificate, { node = process.execPath, wrapper = [] } = {}) {
    const files = certificate === undefined ? [] : [certificate.cert, certificate.key];
    return MeasuredProcess.#started('bare ws', [...wrapper, node, BARE_WS, ...files]);
  }

  /** Starts the floor that floor.mjs built. */
  static floor(program, { wrapper = [] } = {}) {
    return MeasuredProcess.#started('the floor', [...wrapper, program]);
  }

  /** Starts a nats-server, over which nodes share topics. */
  static nats() {
    return MeasuredProcess.#started('nats-server', ['sh', '-c', 'exec nats-server -a 127.0.0.1 -p -1 2>&1']);
  }

  static async #started(name, command, { channels = [], startMs = START_MS } = {}) {
    const started = new MeasuredProcess(command, channels);
    await started.#listening(name, startMs);
    return started;
  }

  constructor([file, ...args], channels) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CAIRN_SIGNAL_'));
    const env = { ...Object.fromEntries(inherited), NODE_ENV: 'production', RUST_LOG: LOG_FILTER };
    this.#child = endWithUs(spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit', ...channels] }));
    this.#exited = once(this.#child, 'exit');
  }

  get pid() {
    return this.#child.pid;
  }

  get pids() {
    return [this.#child.pid];
  }

  /** The heap of a server that tells it, in bytes, without garbage. */
  async heap() {
    const answer = once(this.#child, 'message');
    this.#child.send('heap');
    return (await answer)[0];
  }

  async stop() {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async #listening(name, startMs) {
    const began = performance.now();
    const lines = [];
    let late;
    this.port = await new Promise((resolve, reject) => {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        const [, port] = /(?:listening on wss?:\/\/|Listening for client connections on )[\d.]+:(\d+)/.exec(line) ?? [];
        if (port === undefined) lines.push(line);
        else resolve(Number(port));
      });
      const fail = (how) => reject(new Error([`${name} ${how}`, ...lines].join('\n')));
      void this.#exited.then(
        ([code, signal]) => fail(`ended with ${code ?? signal}`),
        (error) => fail(`did not start: ${error.message}`),
      );
      late = setTimeout(() => fail(`did not listen within ${startMs / 1000} s`), startMs);
    }).finally(() => clearTimeout(late));
    const ms = performance.now() - began;
    this.start = { ms, cpuMicroseconds: cpuMicroseconds(this.pids), bytes: residentBytes(this.pids) };
  }
}
