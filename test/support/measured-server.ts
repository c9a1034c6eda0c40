import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MAIN } from './program.js';
import { scrape } from './scrape.js';
import { until } from './until.js';

const INSIDE = fileURLToPath(new URL('../soak/inside-server.mjs', import.meta.url));

/** The built program, which reports the memory it holds. The test's own process holds too much memory to measure. */
export class MeasuredServer {
  static readonly #running = new Set<MeasuredServer>();

  private constructor(
    readonly child: ChildProcess,
    readonly port: number,
    private readonly management: string,
  ) {}

  /** Settings are given as flags. `nodeOptions` are for Node. */
  static async start(
    settings: Readonly<Record<string, string | number>>,
    nodeOptions: readonly string[] = [],
  ): Promise<MeasuredServer> {
    const all: Record<string, string | number> = {
      'listen-addr': '127.0.0.1:0',
      'management-addr': '127.0.0.1:0',
      'log-format': 'json',
      // Peers that are only sockets answer no ping. They stay, however long a busy machine takes.
      'ping-interval': '1h',
      ...settings,
    };
    const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const child = fork(MAIN, flags, {
      execArgv: ['--expose-gc', '--import', INSIDE, ...nodeOptions],
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    });
    let output = '';
    const started = new Promise<void>((resolve, reject) => {
      child.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('for operators at')) resolve();
      });
      child.once('exit', () => reject(new Error(`ended: ${output}`)));
    });
    await started;
    const server = new MeasuredServer(
      child,
      Number(/listening on ws:\/\/\S+:(\d+)"/.exec(output)![1]),
      /operators at (\S+)\//.exec(output)![1],
    );
    MeasuredServer.#running.add(server);
    return server;
  }

  static endAll(): void {
    for (const { child } of MeasuredServer.#running) child.kill('SIGKILL');
    MeasuredServer.#running.clear();
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** A metric without labels. */
  async metric(name: string): Promise<number> {
    return (await scrape(`${this.management}/metrics`)).get(name)!;
  }

  /** Resolves once a metric has at least this value, for which it may take `patience` milliseconds. */
  async reaches(name: string, least: number, patience?: number): Promise<void> {
    let value = 0;
    const reached = async (): Promise<boolean> => (value = await this.metric(name)) >= least;
    await until(reached, undefined, patience, () => `${name} is ${value}, not ${least}`);
  }

  /** Bytes that it holds in V8's heap and in buffers outside of it, after garbage collection. */
  async memory(): Promise<number> {
    this.child.send('memory');
    const [{ heapUsed, external }] = (await once(this.child, 'message')) as [NodeJS.MemoryUsage];
    return heapUsed + external;
  }

  /** Peak memory of the process so far, in bytes. */
  get peak(): number {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))![1]);
  }
}
