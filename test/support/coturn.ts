import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';

const PROGRAM = 'turnserver';
const HOW_TO_GET = 'needs turnserver in the PATH; on Debian: apt-get install coturn';
const found = spawnSync('sh', ['-c', `command -v ${PROGRAM}`]).status === 0;

/** What it prints once it listens. */
const READY = 'SQLite DB connection success';

/** Below the ports that the kernel gives out by itself. */
const FIRST_PORT = 20_000;
const LAST_PORT = 31_000;
/** Ports that one coturn uses: two listen, the others relay. */
const PORTS = 40;

/** Runs coturn until standard input ends, which the end of the test's process causes too. */
const UNTIL_INPUT_ENDS = 'exec 3<&0; "$@" 0<&- & child=$!; { cat <&3; kill $child; } >/dev/null 2>&1 & wait $child';

/**
 * Like `describe`. Without a coturn the tests are skipped, with the reason in the title. With CI=true they fail.
 */
export function describeWithCoturn(title: string, tests: () => void): void {
  // oxlint-disable jest/valid-title, jest/valid-describe-callback, jest/no-disabled-tests -- this stands in for
  // describe
  if (found || process.env.CI === 'true') describe(title, tests);
  else describe.skip(`${title} (${HOW_TO_GET})`, tests);
  // oxlint-enable
}

export interface CoturnOptions {
  /** Each of them makes credentials good; without one, anyone may allocate. */
  readonly secrets?: readonly string[];
  /** The certificate (with its chain) and key, PEM files, of its TLS port. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** More lines of its configuration. */
  readonly lines?: readonly string[];
  /** Its own address, and that of its relays. */
  readonly address?: string;
  /** The words before the command that make it run elsewhere. */
  readonly within?: readonly string[];
  /** Run as in deploy/turn, with these variables in place of `secrets` and `tls`. */
  readonly deployed?: Readonly<Record<string, string>>;
}

const DEPLOYED = fileURLToPath(new URL('../../deploy/turn/run-coturn', import.meta.url));

/** A coturn for one test, on loopback unless told otherwise. */
export class Coturn {
  static readonly #running = new Set<Coturn>();
  /** What it has said on standard error. */
  complaints = '';

  private constructor(
    readonly address: string,
    /** Takes UDP and TCP. */
    readonly port: number,
    /** Takes TLS, if there is a certificate. */
    readonly tlsPort: number,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start({ address = '127.0.0.1', ...options }: CoturnOptions = {}): Promise<Coturn> {
    if (!found) throw new Error(HOW_TO_GET);
    for (;;) {
      const started = await Coturn.#tryPorts(address, randomInt(FIRST_PORT, LAST_PORT - PORTS), options);
      if (started !== undefined) return started;
    }
  }

  /** Stops all that were started. */
  static async stopAll(): Promise<void> {
    await Promise.all([...Coturn.#running].map((coturn) => coturn.stop()));
  }

  /** Resolves to undefined if something else has one of the ports. */
  static async #tryPorts(
    address: string,
    port: number,
    { secrets = [], tls, lines = [], within = [], deployed }: CoturnOptions,
  ): Promise<Coturn | undefined> {
    const folder = mkdtempSync(join(tmpdir(), 'coturn-'));
    const where = [
      `listening-ip=${address}`,
      `relay-ip=${address}`,
      `listening-port=${port}`,
      `tls-listening-port=${port + 1}`,
      `min-port=${port + 2}`,
      `max-port=${port + PORTS - 1}`,
    ];
    const configuration = [
      ...where,
      'realm=turn.test',
      ...(secrets.length === 0
        ? ['no-auth']
        : ['use-auth-secret', ...secrets.map((one) => `static-auth-secret=${one}`)]),
      ...(tls === undefined ? ['no-tls'] : [`cert=${tls.cert}`, `pkey=${tls.key}`]),
      'no-dtls',
      'no-cli',
      'log-file=stdout',
      'simple-log',
      `pidfile=${folder}/pid`,
      `userdb=${folder}/turndb`,
      ...lines,
    ];
    writeFileSync(join(folder, 'turnserver.conf'), configuration.join('\n'));
    const started =
      deployed === undefined
        ? [PROGRAM, '-c', `${folder}/turnserver.conf`]
        : ['sh', DEPLOYED, ...[...where, ...lines].map((line) => `--${line}`)];
    const [file, ...args] = [...within, 'sh', '-c', UNTIL_INPUT_ENDS, 'sh', ...started];
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, TURN_STATE: folder, TURN_INTERVAL: '0.2', ...deployed },
    });
    const coturn = new Coturn(address, port, port + 1, child, folder);
    Coturn.#running.add(coturn);
    child.stderr.on('data', (chunk: Buffer) => (coturn.complaints += chunk.toString()));
    const closed = once(child, 'close');
    const said: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      said.push(line);
      if (/bind.*(?:in use|Cannot)|Cannot (?:bind|create)/i.test(line)) {
        await coturn.stop();
        return undefined;
      }
      if (line.includes(READY)) break;
    }
    if (said.at(-1)?.includes(READY) !== true) {
      await closed;
      throw new Error(`coturn did not start:\n${coturn.complaints}${said.join('\n')}`);
    }
    child.stdout.resume();
    return coturn;
  }

  /** Resolves when it has ended, and what runs it, too. */
  get ended(): Promise<unknown> {
    return this.child.exitCode === null ? once(this.child, 'exit') : Promise.resolve();
  }

  /** Kills coturn itself, not what runs it. */
  kill(): void {
    process.kill(Number(readFileSync(join(this.folder, 'pid'), 'utf8')), 'SIGKILL');
  }

  async stop(): Promise<void> {
    const { ended } = this;
    this.child.stdin!.end();
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
    Coturn.#running.delete(this);
  }
}
