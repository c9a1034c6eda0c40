import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from '@jest/globals';

const PROGRAM = 'nats-server';
const LISTENING = /Listening for (client|route) connections on 127\.0\.0\.1:(\d+)/;

const found = spawnSync(PROGRAM, ['--version']).status === 0;
const HOW_TO_GET = 'needs nats-server in the PATH; on Debian: apt-get install nats-server';

/**
 * Like `describe`. Without a nats-server the tests are skipped, with the reason in the title. With CI=true they fail.
 */
export function describeWithNats(title: string, tests: () => void): void {
  // oxlint-disable jest/valid-title, jest/valid-describe-callback, jest/no-disabled-tests -- this stands in for
  // describe
  if (found || process.env.CI === 'true') describe(title, tests);
  else describe.skip(`${title} (${HOW_TO_GET})`, tests);
  // oxlint-enable
}

/** A nats-server for one test, on loopback. */
export class NatsServer {
  static readonly #running = new Set<NatsServer>();
  port = 0;
  /** The port for other servers of its cluster; 0 without a cluster. */
  routePort = 0;
  #process: ChildProcess | undefined;

  private constructor(private readonly args: readonly string[]) {}

  /** Starts a server on a free port, with additional arguments. */
  static async start(...args: string[]): Promise<NatsServer> {
    const server = new NatsServer(args);
    await server.start();
    return server;
  }

  /** Starts a server with a configuration file of this text. */
  static async configured(text: string): Promise<NatsServer> {
    const folder = mkdtempSync(join(tmpdir(), 'nats-'));
    writeFileSync(join(folder, 'nats.conf'), text);
    return NatsServer.start('-c', join(folder, 'nats.conf')).finally(() => rmSync(folder, { recursive: true }));
  }

  /** Stops all servers that were started. */
  static async stopAll(): Promise<void> {
    await Promise.all([...NatsServer.#running].map((server) => server.kill()));
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it again on the same port. */
  async start(): Promise<void> {
    if (!found) throw new Error(HOW_TO_GET);
    const clustered = this.args.includes('--cluster_name');
    const cluster = clustered ? ['--cluster', `nats://127.0.0.1:${this.routePort || -1}`] : [];
    this.#process = spawn(PROGRAM, ['-a', '127.0.0.1', '-p', String(this.port || -1), ...cluster, ...this.args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    NatsServer.#running.add(this);
    const lines: string[] = [];
    for await (const line of createInterface(this.#process.stderr!)) {
      lines.push(line);
      const [, kind, port] = LISTENING.exec(line) ?? [];
      if (kind === 'client') this.port = Number(port);
      if (kind === 'route') this.routePort = Number(port);
      if (this.port > 0 && (!clustered || this.routePort > 0) && line.includes('Server is ready')) break;
      if (this.port > 0 && clustered && this.routePort > 0) break;
    }
    if (this.port === 0) throw new Error(`nats-server did not start:\n${lines.join('\n')}`);
    this.#process.stderr!.resume();
  }

  /** Kills it. */
  async kill(): Promise<void> {
    const ended =
      this.#process!.exitCode === null && this.#process!.signalCode === null ? once(this.#process!, 'exit') : undefined;
    this.#process!.kill('SIGKILL');
    await ended;
    NatsServer.#running.delete(this);
  }

  /** Makes it stop answering without closing connections; `true` makes it go on. */
  freeze(frozen: boolean): void {
    this.#process!.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }
}
