import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { within } from './within.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const INSIDE = new URL('inside-server.mjs', import.meta.url).href;

/**
 * Defaults, except for what must happen within a soak: records and half-open connections expire, silent peers are
 * pinged.
 */
const SETTINGS = [
  ['listen-addr', '127.0.0.1:0'],
  ['log-format', 'json'],
  ['record-ttl', '1s'],
  ['handshake-timeout', '3s'],
  ['ping-interval', '1s'],
  ['pong-timeout', '10s'],
].flatMap(([name, value]) => [`--${name}`, value]);

const START_MS = 20_000;
const ANSWER_MS = 20_000;
const STOP_MS = 20_000;
/** Time that the last connections may take to end once every peer has left. */
const EMPTY_MS = 30_000;
/**
 * Time that memory is watched for its minimum: records, their sweep and refused connections end a few seconds after the
 * load.
 */
const SETTLING_MS = 5000;
const LOOK_EVERY_MS = 250;

/**
 * The built program as a separate process. Owns the process, reads its log, and asks it for its memory.
 * Invariant: an unexpected end, an error in the log, and anything on standard error are faults. The process does not
 * outlive this one.
 */
export class ServerUnderTest {
  port = 0;
  /** Lines in the log. */
  lines = 0;
  #faults;
  #child;
  #stopping = false;
  #onPort;

  #own;

  /** `flags` are further settings. `own` is the number of connections that it has itself, to others. */
  constructor(faults, flags = [], own = 0) {
    this.#faults = faults;
    this.#own = own;
    const inherited = Object.entries(process.env).filter(([name]) => !/^(?:CAIRN_SIGNAL_.*|RUST_LOG)$/.test(name));
    this.#child = spawn(process.execPath, ['--expose-gc', '--import', INSIDE, MAIN, ...SETTINGS, ...flags], {
      env: Object.fromEntries(inherited),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    process.once('exit', () => this.#child.kill('SIGKILL'));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#read(line));
    createInterface({ input: this.#child.stderr }).on('line', (line) =>
      this.#faults.add(`the server wrote to standard error: ${line}`),
    );
    /** Resolves, when the process has ended, to its exit code or the signal that ended it. */
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      if (!this.#stopping) this.#faults.add(`the server ended by itself with ${code ?? signal}`);
      return code ?? signal;
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Resolves once it listens. */
  async start() {
    const port = new Promise((resolve) => {
      this.#onPort = resolve;
    });
    this.port = await within(START_MS, 'starting the server', port);
  }

  /** Resolves once the server holds no more connections. Call it when every peer has left. */
  async empty() {
    const deadline = performance.now() + EMPTY_MS;
    let held;
    do {
      held = (await this.#ask('connections')) - this.#own;
      if (held === 0) return;
      await pause(LOOK_EVERY_MS / 10);
    } while (performance.now() < deadline);
    this.#faults.add(`the server still holds ${held} connections ${EMPTY_MS / 1000} s after the last peer left`);
  }

  /** The minimum memory that it needs, in bytes. `used` is heap and external memory; `rss` is for information. */
  async settledMemory() {
    const deadline = performance.now() + SETTLING_MS;
    let least = { used: Infinity, rss: 0 };
    do {
      await pause(LOOK_EVERY_MS);
      const { heapUsed, external, rss } = await this.#ask('memory');
      if (heapUsed + external < least.used) least = { used: heapUsed + external, rss };
    } while (performance.now() < deadline);
    return least;
  }

  /** Asks it to stop, as a supervisor does; anything but exit code 0 is a fault. */
  async stop() {
    this.#stopping = true;
    this.#child.kill('SIGTERM');
    const code = await within(STOP_MS, 'stopping the server', this.ended);
    if (code !== 0) this.#faults.add(`the server ended with ${code} after SIGTERM`);
  }

  async #ask(question) {
    const answer = once(this.#child, 'message');
    this.#child.send(question);
    const [answered] = await within(ANSWER_MS, `the answer of the server about its ${question}`, answer);
    return answered;
  }

  #read(line) {
    this.lines += 1;
    let entry;
    try {
      entry = JSON.parse(line);
    } catch {
      this.#faults.add(`a line of the log is not JSON: ${line}`);
      return;
    }
    if (entry.level === 'error' || entry.level === 'fatal') {
      this.#faults.add(`the log has an error: ${entry.msg} ${entry.error ?? ''}`);
    }
    const [, port] = /^listening on ws:\/\/127\.0\.0\.1:(\d+)$/.exec(entry.msg) ?? [];
    if (port !== undefined) this.#onPort(Number(port));
  }
}
