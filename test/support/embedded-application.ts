import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
/** Beside the one that cairn-signal brings. */
const OTHER_PROM_CLIENT = 'prom-client-of-another-version@npm:prom-client@14.2.0';

/** examples/embedding with this package installed from its tarball, compiled, in a temporary folder. */
export class EmbeddedApplication {
  readonly #running = new Set<ChildProcess>();

  private constructor(private readonly folder: string) {}

  /**
   * Packs the build, installs and compiles it, with additional files (name, text). Packages come from npm's cache if
   * they are there.
   */
  static async install(files: Readonly<Record<string, string>> = {}): Promise<EmbeddedApplication> {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-embedding-'));
    cpSync(join(ROOT, 'examples/embedding'), folder, {
      recursive: true,
      filter: (path) => !/node_modules|dist$/.test(path.slice(ROOT.length)),
    });
    cpSync(join(ROOT, '.npmrc'), join(folder, '.npmrc'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    // Without its scripts: it is already built, and other tests use the build.
    const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
      cwd: ROOT,
    });
    await run(
      'npm',
      [
        'install',
        '--silent',
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        '--omit=dev',
        `./${stdout.trim()}`,
        OTHER_PROM_CLIENT,
      ],
      { cwd: folder },
    );
    cpSync(join(ROOT, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'), { recursive: true });
    cpSync(join(ROOT, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'), { recursive: true });
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch(
      (error: { stdout: string }) => {
        throw new Error(`it does not compile:\n${error.stdout}`);
      },
    );
    return new EmbeddedApplication(folder);
  }

  /** The `package.json` of an installed package. */
  manifestOf(name: string): { version: string; dependencies?: Record<string, string> } {
    return JSON.parse(readFileSync(join(this.folder, 'node_modules', name, 'package.json'), 'utf8')) as never;
  }

  /** What the TypeScript compiler says of source files with flags of its own. */
  async compile(files: readonly string[], flags: readonly string[]): Promise<string> {
    const own = ['--noEmit', '--strict', '--skipLibCheck', '--experimentalDecorators', '--emitDecoratorMetadata'];
    const target = ['--target', 'es2023', '--types', 'node', '--ignoreConfig'];
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    return run(process.execPath, [compiler, ...own, ...target, ...flags, ...files], { cwd: this.folder }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
  }

  /** Runs one of the files, and returns what it prints on standard output. */
  async run(file: string): Promise<string> {
    const { stdout } = await run(process.execPath, [file], {
      cwd: this.folder,
      env: { ...process.env, RUST_LOG: 'off' },
    });
    return stdout;
  }

  /** Starts it on a free port of loopback. */
  start(environment: Record<string, string> = {}): Promise<RunningApplication> {
    return this.#spawn(['dist/main.js'], environment);
  }

  async #spawn(command: readonly string[], environment: Record<string, string>): Promise<RunningApplication> {
    const child = spawn(process.execPath, command, {
      cwd: this.folder,
      env: { ...process.env, PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    const lines: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      const port = /(?:the company is at http|listening on ws):\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port === undefined) continue;
      child.stdout.resume();
      const ended = once(child, 'exit').then(
        ([code, signal]) => (this.#running.delete(child), (code as number | null) ?? (signal as string)),
      );
      return {
        http: `http://127.0.0.1:${port}`,
        url: `ws://127.0.0.1:${port}`,
        ended,
        stop: () => child.kill('SIGTERM'),
      };
    }
    throw new Error(`it did not start:\n${lines.join('\n')}`);
  }

  /** Resolves to what the installed program prints about a configuration. Rejects if the configuration is not valid. */
  async checkConfig(flags: readonly string[]): Promise<string> {
    const { stdout, stderr } = await run(
      process.execPath,
      ['node_modules/cairn-signal/dist/main.js', 'check-config', ...flags],
      { cwd: this.folder },
    );
    return stdout + stderr;
  }

  /** Starts the installed program instead of the application. */
  serve(flags: readonly string[]): Promise<RunningApplication> {
    return this.#spawn(
      ['node_modules/cairn-signal/dist/main.js', '--listen-addr', '127.0.0.1:0', '--max-connections', '100', ...flags],
      { RUST_LOG: 'info' },
    );
  }

  /** Ends what was started, and removes the folder. */
  async remove(): Promise<void> {
    await Promise.all([...this.#running].map((child) => (child.kill('SIGKILL'), once(child, 'exit'))));
    rmSync(this.folder, { recursive: true });
  }
}

export interface RunningApplication {
  readonly http: string;
  readonly url: string;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly stop: () => void;
}
