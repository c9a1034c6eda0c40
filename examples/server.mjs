// What the examples share: the built server as a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Whoever ends the example ends its server with it, and what else waits for the event `exit`. */
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Starts a server on a free port of loopback: its URL, what it logs, how to end it, and when it has ended. */
export async function startServer(flags, environment = {}) {
  const limits = ['--max-connections', '1000', '--drain-timeout', '500ms'];
  const child = spawn(process.execPath, [MAIN, '--listen-addr', '127.0.0.1:0', ...limits, ...flags], {
    env: { ...process.env, RUST_LOG: 'info', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const log = new Log(createInterface(child.stdout));
  const listening = await Promise.race([log.line(({ msg }) => msg.startsWith('listening on ')), exited]);
  if (Array.isArray(listening)) throw new Error('the server did not start');
  return {
    url: listening.msg.slice('listening on '.length),
    log,
    ended: exited,
    stop: async () => (child.kill('SIGTERM'), await exited),
  };
}

/** What a server has logged so far, line by line, and what it will. */
class Log {
  #lines = [];
  #output;

  constructor(output) {
    this.#output = output.on('line', (line) => this.#lines.push(JSON.parse(line)));
  }

  /** Resolves to the first line, as an object, that is the one looked for. */
  async line(isIt) {
    for (let i = 0; ; i++) {
      while (i === this.#lines.length) await once(this.#output, 'line');
      if (isIt(this.#lines[i])) return this.#lines[i];
    }
  }
}
