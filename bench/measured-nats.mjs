import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endWithUs } from './child-processes.mjs';
import { residentBytes } from './process-usage.mjs';

const PORTS = /(http monitor on|for client connections on|for route connections on) 127\.0\.0\.1:(\d+)/;

/** A nats-server on loopback, with its own figures. Owns the child process. Does not know who uses it. */
export class MeasuredNats {
  #child;
  #exited;
  #ports = {};

  /** Starts a server of a cluster with the servers in `others`; alone without a `cluster`. */
  static async start({ cluster = false, others = [] } = {}) {
    const routes = others.map((other) => `nats://127.0.0.1:${other.#ports.route}`);
    const clustered = ['--cluster_name', 'measured', '--cluster', 'nats://127.0.0.1:-1', '--routes', routes.join(',')];
    const nats = new MeasuredNats(cluster ? clustered : []);
    await nats.#listening(cluster ? 3 : 2);
    return nats;
  }

  constructor(flags) {
    const args = ['-a', '127.0.0.1', '-p', '-1', '-m', '-1', ...flags.filter((flag) => flag !== '')];
    if (args.at(-1) === '--routes') args.pop();
    this.#child = endWithUs(spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] }));
    this.#exited = once(this.#child, 'exit');
  }

  get url() {
    return `nats://127.0.0.1:${this.#ports.client}`;
  }

  get residentBytes() {
    return residentBytes([this.#child.pid]);
  }

  /** What the server counts: `subscriptions`, `in_bytes`, `out_bytes`, `in_msgs` and so on. */
  async figures() {
    return (await fetch(`http://127.0.0.1:${this.#ports.http}/varz`)).json();
  }

  /** Sends a signal. Resolves once the process has ended, where it ends it. */
  async kill(signal = 'SIGKILL') {
    this.#child.kill(signal);
    if (signal === 'SIGKILL') await this.#exited;
  }

  async #listening(count) {
    for await (const line of createInterface({ input: this.#child.stderr })) {
      const [, what, port] = PORTS.exec(line) ?? [];
      if (what !== undefined) this.#ports[/http|client|route/.exec(what)[0]] = Number(port);
      if (Object.keys(this.#ports).length === count) break;
    }
    this.#child.stderr.resume();
    if (Object.keys(this.#ports).length < count) throw new Error('nats-server did not start');
  }
}
