/**
 * Runs a spec file with jest-circus, but without a context of node:vm. The server and its packages are loaded once in a
 * process, by Node itself, and stay compiled. With Jest's own loading, each spec file loads and compiles all of them
 * anew, which took half of the time of the whole suite. Spec files and what else is in test/ are still loaded anew for
 * each spec file, so their hooks and variables are its own. So is process.env.
 *
 * What the server has in variables of its modules is in common to the spec files of a process, as it is to the tests of
 * a file. With `--watch` it is loaded anew, too. Jest's own loading, which needs --experimental-vm-modules, remains for
 * `--coverage`, and for a spec file that begins with a comment that has `@own-context` in it.
 */
import async_hooks from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import circus from 'jest-circus/runner';
import { ModuleMocker } from 'jest-mock';
import { GLOBALS } from './globals-key.mjs';
import * as hooks from './hooks.mjs';

const require = module.createRequire(import.meta.url);

/** In the first comment of a spec file: it needs code that nobody has run, or a RegExp that is not that of Node itself. */
const OWN_CONTEXT = /^\/\*\*(?:(?!\*\/)[^])*@own-context\b/;

/** What is not in globalThis[GLOBALS], such as fake timers. */
const MORE_OF_JEST = /\bjest\s*\.\s*(?!(?:fn|spyOn|restoreAllMocks)\b)\w/;
const TEST = fileURLToPath(new URL('../', import.meta.url));

/** Spec files that this process has run. */
let files = 0;

/** Whether Jest itself must load a spec file: it says so, is none of ours, or uses more of Jest than is here. */
function needsJest(path) {
  const source = readFileSync(path, 'utf8');
  return !path.startsWith(TEST) || OWN_CONTEXT.test(source) || MORE_OF_JEST.test(source);
}

export default async function run(globalConfig, config, environment, runtime, path, send) {
  if (globalConfig.collectCoverage || needsJest(path)) {
    return circus.default(globalConfig, config, environment, runtime, path, send);
  }
  if (files === 0) {
    const [[, , swc]] = config.transform;
    registerHooks({ swc, anew: globalConfig.watch || globalConfig.watchAll });
    process.setSourceMapsEnabled(true);
  }
  files += 1;
  // What Jest's own loading needs; Node finds the source maps itself.
  delete Error.prepareStackTrace;
  runtime.requireInternalModule = requireCircus;
  runtime.setGlobalsForRuntime = (globals) => {
    const mocker = new ModuleMocker(globalThis);
    globalThis[GLOBALS] = { ...globals, jest: bound(mocker, 'fn', 'spyOn', 'restoreAllMocks') };
  };
  runtime.unstable_shouldLoadAsEsm = () => true;
  runtime.unstable_importModule = (file) => import(`${pathToFileURL(file).href}?spec=${files}`);
  const before = { ...process.env };
  try {
    return await circus.default(globalConfig, config, environment, runtime, path, send);
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

function registerHooks(data) {
  // Node 20 has them only in a thread of their own.
  if (module.registerHooks === undefined) return module.register('./hooks.mjs', import.meta.url, { data });
  hooks.initialize(data);
  module.registerHooks(hooks);
}

/** Loads the part of jest-circus that knows the tests, anew for each spec file. */
function requireCircus(file) {
  // Up to Node 22 each one makes all promises of the process slower, for ever.
  const before = Object.getOwnPropertyDescriptor(async_hooks, 'AsyncLocalStorage');
  Object.defineProperty(async_hooks, 'AsyncLocalStorage', { value: CurrentTest, configurable: true });
  try {
    delete require.cache[require.resolve(file)];
    return require(file);
  } finally {
    Object.defineProperty(async_hooks, 'AsyncLocalStorage', before);
  }
}

/** Tells circus whose a stray error is. Tests of a file run one after another, so it is that of the one that runs. */
class CurrentTest {
  #current;

  getStore() {
    return this.#current;
  }

  async run(store, work) {
    const before = this.#current;
    this.#current = store;
    try {
      return await work();
    } finally {
      this.#current = before;
    }
  }
}

function bound(object, ...methods) {
  return Object.fromEntries(methods.map((method) => [method, object[method].bind(object)]));
}
