import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { Firefox } from './firefox.js';
import type { FirefoxPage } from './firefox.js';
import { Namespace } from './namespace.js';
import { endPrograms, Program } from './program.js';

const within = fileURLToPath(new URL('chromium-within', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folder of the pictures that tests take, to be looked at. */
const ARTIFACTS = join(root, 'test-artifacts');
/** Folder of the pictures that documents show. */
const PICTURES = join(root, 'docs/pictures');

/** A separate browser, which talks only to the page's server. */
const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

const chromiumPath = pathOf('chromium');
const mayUnshare = spawnSync('unshare', ['--net', 'true']).status === 0;

/**
 * Like `describe`, with a Stage. If something that a real browser needs is missing, the tests are skipped, with the
 * reason in the title. With CI=true there is one failure.
 */
export function describeWithChromium(title: string, tests: (stage: Stage) => void): void {
  describeWith(Stage, ['chromium'], title, tests);
}

/** The same, with a Firefox beside Chromium. */
export function describeWithFirefox(title: string, tests: (stage: FirefoxStage) => void): void {
  describeWith(FirefoxStage, ['chromium', 'firefox-esr'], title, tests);
}

function describeWith<S extends Stage>(
  Stage: new () => S,
  browsers: readonly string[],
  title: string,
  tests: (stage: S) => void,
): void {
  const lacks = [...browsers, 'ip', 'unshare', 'nsenter'].filter((name) => pathOf(name) === '');
  if (!mayUnshare) lacks.push('the right to a network namespace');
  // oxlint-disable jest/valid-title, jest/no-disabled-tests, jest/expect-expect -- this stands in for describe
  const howToGet = `on Debian, as root: apt-get install ${browsers.join(' ')} iproute2 util-linux`;
  const lacking = `${title} (needs ${lacks.join(', ')}; ${howToGet})`;
  if (lacks.length === 0) {
    describe(title, () => {
      const stage = new Stage();
      beforeAll(() => stage.begin());
      afterEach(() => stage.clear());
      afterAll(() => stage.end());
      tests(stage);
    });
  } else if (process.env.CI === 'true') {
    it(title, () => {
      throw new Error(lacking);
    });
  } else {
    describe.skip(lacking, () => {
      tests(new Stage());
    });
  }
  // oxlint-enable
}

/** A browser and a server, in a network of their own. What a test starts here ends with the test. */
export class Stage {
  namespace!: Namespace;
  browser!: Browser;
  /**
   * The page that was opened last, and what the browser has complained about since. Its policy forbids eval, and so
   * waitForFunction: wait for elements.
   */
  page!: Page;
  complaints: string[] = [];
  protected readonly opened: { close(): unknown }[] = [];
  readonly #shared = new Map<string, Promise<number>>();

  async begin(): Promise<void> {
    this.namespace = await Namespace.open();
    this.browser = await launchChromium(this.namespace);
  }

  async clear(): Promise<void> {
    for (const opened of this.opened.splice(0).toReversed()) await opened.close();
  }

  async end(): Promise<void> {
    endPrograms();
    await this.browser.close();
    this.namespace.close();
  }

  /** Starts the built server, on a free port unless told otherwise. */
  start(...args: string[]): Program {
    const program = this.#run(args);
    this.opened.push({ close: () => program.signal('SIGKILL') });
    return program;
  }

  /** Resolves to the port of a server with these settings that all tests share. */
  serve(...args: string[]): Promise<number> {
    const port = this.#shared.get(args.join(' ')) ?? this.#run(args).port();
    this.#shared.set(args.join(' '), port);
    return port;
  }

  /** Runs a script with Node until the end of the test. Resolves to the first thing that it prints. */
  async script(path: URL, ...args: string[]): Promise<string> {
    const [file, ...rest] = [...this.namespace.within, process.execPath, fileURLToPath(path), ...args];
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.opened.push({ close: () => child.kill() });
    return String(await once(child.stdout, 'data'));
  }

  /** Opens a page in a new window, with its own cookies, size and colours. */
  async open(url: string, options: BrowserContextOptions = {}, inside = this.browser): Promise<Page> {
    const context = await inside.newContext(options);
    this.opened.push(context);
    this.page = await context.newPage();
    this.complaints = [];
    this.page.on('console', (message) => this.complaints.push(message.text()));
    this.page.on('pageerror', (error) => this.complaints.push(String(error)));
    await this.page.goto(url);
    return this.page;
  }

  /** A server's port and a browser, on a machine without a network. */
  async withoutNetwork(): Promise<{ port: number; browser: Browser }> {
    const alone = await Namespace.open('loopback');
    this.opened.push(alone);
    const browser = await launchChromium(alone);
    this.opened.push(browser);
    return { port: await this.#run([], alone).port(), browser };
  }

  #run(args: readonly string[], namespace = this.namespace): Program {
    const listen = args.includes('--listen-addr') ? [] : ['--listen-addr', '127.0.0.1:0'];
    return new Program([...listen, ...args], { RUST_LOG: 'trace' }, undefined, namespace.within);
  }
}

/** A stage with a Firefox, which reaches the same servers, and pages in Chromium. */
export class FirefoxStage extends Stage {
  firefox!: Firefox;

  override async begin(): Promise<void> {
    await super.begin();
    this.firefox = await Firefox.launch(this.namespace);
  }

  override async end(): Promise<void> {
    await this.firefox.close();
    await super.end();
  }

  /** Opens a page of Firefox in a new window, until the end of the test. */
  async openInFirefox(url: string): Promise<FirefoxPage> {
    const page = await this.firefox.open(url);
    this.opened.push(page);
    return page;
  }
}

/** A headless Chromium in a namespace, with an empty profile. */
function launchChromium(namespace: Namespace): Promise<Browser> {
  return chromium.launch({
    executablePath: within,
    args: FLAGS,
    env: { ...inherited(), NAMESPACE: namespace.path, CHROMIUM: chromiumPath },
  });
}

/** Saves a picture of the whole page. Resolves to its path. */
export async function picture(page: Page, name: string): Promise<string> {
  mkdirSync(ARTIFACTS, { recursive: true });
  const path = join(ARTIFACTS, `${name}.png`);
  await page.screenshot({ path, fullPage: true });
  return path;
}

/** Path of the picture of a page that documents show. Taken anew with UPDATE_PICTURES=1. */
export async function documentPicture(page: Page, name: string): Promise<void> {
  await picture(page, name);
  if (process.env.UPDATE_PICTURES === '1') {
    await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  }
}

function pathOf(name: string): string {
  return spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).stdout.trim();
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
