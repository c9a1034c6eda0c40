import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { build } from 'esbuild';

const resolveDir = fileURLToPath(new URL('../../src', import.meta.url));
const CORE = `export { connect } from './index.ts';`;
const RTC = `export { connectPeer, connectPeers } from './rtc.ts';`;

/** Bytes of a bundle, minified and compressed. */
async function weigh(contents: string, ...external: string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external,
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

// What the client weighs in a page. A page that gives no secret does not load ./secret.js, and nothing waits for it.
it.each([
  ['the core', CORE, [], 4960],
  ['the core and /rtc', CORE + RTC, ['./secret.js'], 6940],
  ['all of it, with what a secret needs', CORE + RTC, [], 7780],
] as const)('%s is small', async (_what, contents, external, most) => {
  expect(await weigh(contents, ...external)).toBeLessThanOrEqual(most);
});
