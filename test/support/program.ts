import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogCheck } from './log-faults.js';
import { eventually } from './until.js';

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/**
 * Optimized code is not worth its while in a program that lives for a second: without it, a start takes a sixth less.
 * From Node 22 on, programs find what earlier ones compiled.
 */
const FLAGS = ['--no-opt'];
const COMPILED = { NODE_COMPILE_CACHE: join(tmpdir(), 'cairn-signal-tests') };

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const started = new Set<ChildProcess>();
const check = new LogCheck();

/**
 * Standard streams of a program. By default pipes that are read, and no input. Numbers are file descriptors of this
 * process.
 */
export interface Streams {
  readonly stdin?: 'pipe';
  readonly stdout?: number;
  readonly stderr?: number;
}

/** The built program as a separate process, without the setting variables of this one. */
export class Program {
  #stdout = '';
  #stderr = '';
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;

  /**
   * `maxFiles` is the maximum number of file handles, as `ulimit -n` sets it. `within` is a command that runs it
   * elsewhere.
   */
  constructor(
    args: readonly string[],
    environment: Record<string, string> = {},
    maxFiles?: number,
    within: readonly string[] = [],
    streams: Streams = {},
  ) {
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(?:CAIRN_SIGNAL_.*|RUST_LOG)$/.test(name)),
    );
    const command = [...within, process.execPath, ...FLAGS, MAIN, ...args];
    const [file, ...rest] =
      maxFiles === undefined ? command : ['sh', '-c', 'ulimit -n "$0" && exec "$@"', String(maxFiles), ...command];
    this.#child = spawn(file, rest, {
      env: { ...inherited, ...COMPILED, ...environment },
      stdio: [streams.stdin ?? 'ignore', streams.stdout ?? 'pipe', streams.stderr ?? 'pipe'],
    });
    started.add(this.#child);
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        started.delete(this.#child);
        check.output(this.#stdout);
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#stdout;
  }

  /** Resolves to the first match in standard output, as soon as it is there. Rejects if the program ends without it. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.#stdout);
        if (match !== null) resolve(match);
      };
      this.#child.stdout?.on('data', look);
      void this.ended.then((ended) => reject(new Error(`ended: ${JSON.stringify(ended)}`)));
      look();
    });
  }

  /** Resolves to the port it listens on, once it does. */
  async port(): Promise<number> {
    return Number((await this.printed(/listening on wss?:\/\/\S+:(\d+)"/))[1]);
  }

  /** Types into the program's standard input. */
  type(text: string): void {
    this.#child.stdin!.write(text);
  }

  /** Stops reading what the program prints. */
  stopReading(): void {
    this.#child.stdout!.pause();
  }

  /** Closes the pipes that the program prints to. */
  closePipes(): void {
    this.#child.stdout!.destroy();
    this.#child.stderr!.destroy();
  }

  /** Resolves to the port of a listening TCP socket, once the process has one, for a process that may not say so. */
  async listening(): Promise<number> {
    const port = (): number | undefined => {
      const folder = `/proc/${this.#child.pid}/fd`;
      const sockets = new Set(
        readdirSync(folder).map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(join(folder, fd)))?.[1]),
      );
      const LISTEN = '0A';
      const listening = readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === LISTEN);
      const held = listening.find((fields) => sockets.has(fields[9]));
      return held === undefined ? undefined : Number.parseInt(held[1].split(':')[1], 16);
    };
    return (await eventually(port, (found) => found !== undefined))!;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Returns what a file descriptor is open on; nothing if it was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/**
 * Ends every Program that is still running. Throws where a line of the log of one that has ended was not as in the table
 * of events.
 */
export function endPrograms(): void {
  for (const child of started) child.kill('SIGKILL');
  check.done();
}
