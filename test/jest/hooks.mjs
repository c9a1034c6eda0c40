/** Hooks of node:module: Node loads TypeScript, and test/ anew for each spec file (runner.mjs). */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

const GLOBALS = new URL('globals.mjs', import.meta.url).href;
const at = (path) => new URL(`../../${path}/`, import.meta.url).href;
const TESTS = [at('test'), at('client/test')];
const SOURCES = [at('src'), at('client/src')];

/** Says for which spec file a module is loaded. */
const SPEC = /\?spec=\d+$/;

let options;

/** `swc` is how Jest would have it transformed. With `anew`, src/ is loaded anew for each spec file, too. */
export function initialize({ swc, anew }) {
  options = { swc, anew };
}

export function resolve(specifier, context, next) {
  const { parentURL = '' } = context;
  const [spec = ''] = SPEC.exec(parentURL) ?? [];
  if (specifier === '@jest/globals') return { url: GLOBALS + spec, shortCircuit: true };
  // The build makes dist/cbor-x of it.
  if (specifier === '#cbor-x') return next('cbor-x/index-no-eval', context);
  if (!/^\.\.?\//.test(specifier)) return next(specifier, context);
  const url = new URL(specifier.replace(/\.js$/, '.ts'), parentURL).href;
  const isAnew = isIn(TESTS, url) || options.anew;
  if (!isTypeScript(url) || !existsSync(fileURLToPath(url))) return next(specifier, context);
  return { url: isAnew ? url + spec : url, shortCircuit: true };
}

export function load(url, context, next) {
  const file = url.replace(SPEC, '');
  if (!isTypeScript(file)) return next(url, context);
  const filename = fileURLToPath(file);
  const source = readFileSync(filename, 'utf8');
  const { code } = transformSync(source, {
    ...options.swc,
    filename,
    sourceMaps: 'inline',
    configFile: false,
    swcrc: false,
  });
  return { format: 'module', source: code, shortCircuit: true };
}

function isTypeScript(url) {
  return url.endsWith('.ts') && isIn([...TESTS, ...SOURCES], url);
}

function isIn(folders, url) {
  return folders.some((folder) => url.startsWith(folder));
}
