import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import type { Namespace } from './namespace.js';
import { eventually } from './until.js';

/** Where Firefox listens. Nobody else does in its namespace. */
const PORT = 9222;
const within = fileURLToPath(new URL('firefox-within.mjs', import.meta.url));

interface Answer {
  readonly id?: number;
  readonly type: 'success' | 'error' | 'event';
  readonly message?: string;
  readonly result?: unknown;
}

/** What a script has returned as JSON, or thrown. */
interface Returned {
  readonly result?: { readonly value?: string };
  readonly exceptionDetails?: { readonly text: string };
}

/**
 * A Firefox as Debian has it, in a namespace of its own. It is driven by WebDriver BiDi (W3C); playwright-core speaks only to a
 * Firefox of its own. Owns the process and its one session. Does not know what pages do.
 */
export class Firefox {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #ids = 0;

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process;
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer;
      this.#waiting.get(answer.id!)?.(answer);
    });
    socket.on('close', () => {
      for (const answer of this.#waiting.values()) answer({ type: 'error', message: 'Firefox has ended' });
    });
  }

  static async launch(namespace: Namespace): Promise<Firefox> {
    const [command, ...args] = [...namespace.within, process.execPath, within, `${PORT}`];
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const socket = new WebSocket(`ws://127.0.0.1:${PORT}/session`, {
      createConnection: (() => Duplex.from({ readable: child.stdout, writable: child.stdin })) as never,
    });
    await once(socket, 'open');
    const firefox = new Firefox(child, socket);
    await firefox.command('session.new', { capabilities: {} });
    return firefox;
  }

  /** Opens a page in a window of its own. */
  async open(url: string): Promise<FirefoxPage> {
    const { context } = (await this.command('browsingContext.create', { type: 'window' })) as { context: string };
    await this.command('browsingContext.navigate', { context, url, wait: 'complete' });
    return new FirefoxPage(this, context);
  }

  /** Resolves to the result of a command of WebDriver BiDi. */
  async command(method: string, params: object): Promise<unknown> {
    const id = ++this.#ids;
    const { type, message, result } = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (type !== 'success') throw new Error(`${method}: ${message}`);
    return result;
  }

  async close(): Promise<void> {
    const ended = once(this.#process, 'close');
    this.#socket.terminate();
    this.#process.kill();
    await ended;
  }
}

/** What tests do with a page, as playwright-core's Page has it. */
export class FirefoxPage {
  #isClosed = false;

  constructor(
    private readonly firefox: Firefox,
    private readonly context: string,
  ) {}

  /** Runs a script in the page; or a function, and resolves to what it returns. */
  async evaluate<Result, Argument>(
    run: string | ((argument: Argument) => Result),
    argument?: Argument,
  ): Promise<Awaited<Result>> {
    const call = `(${String(run)})(${JSON.stringify(argument)})`;
    const { result, exceptionDetails } = (await this.firefox.command('script.evaluate', {
      expression: typeof run === 'string' ? `${run}\n'null'` : `(async () => JSON.stringify(await ${call}))()`,
      target: { context: this.context },
      awaitPromise: true,
    })) as Returned;
    if (!result) throw new Error(exceptionDetails?.text);
    return (result.value === undefined ? undefined : JSON.parse(result.value)) as Awaited<Result>;
  }

  /** Resolves once the function returns something true. */
  async waitForFunction<Argument>(run: (argument: Argument) => unknown, argument?: Argument): Promise<unknown> {
    return eventually(() => this.evaluate(run, argument), Boolean);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.firefox.command('browsingContext.close', { context: this.context });
  }
}
