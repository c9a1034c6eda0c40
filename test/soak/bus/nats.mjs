import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const LISTENING = /Listening for client connections on 127\.0\.0\.1:(\d+)/;

/** A nats-server that is killed, frozen and started again on its port. Owns the process, which ends with this one. */
export class Nats {
  port = 0;
  #child;

  constructor() {
    process.once('exit', () => this.#child?.kill('SIGKILL'));
  }

  async start() {
    this.#child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(this.port || -1)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const line of createInterface({ input: this.#child.stderr })) {
      const [, port] = LISTENING.exec(line) ?? [];
      if (port === undefined) continue;
      this.port = Number(port);
      break;
    }
    if (this.port === 0) throw new Error('nats-server did not start');
    this.#child.stderr.resume();
  }

  async kill() {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  freeze() {
    this.#child.kill('SIGSTOP');
  }

  goOn() {
    this.#child.kill('SIGCONT');
  }
}
