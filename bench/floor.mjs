import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atTheEnd } from './child-processes.mjs';

const SOURCE = fileURLToPath(new URL('floor.c', import.meta.url));
const COMPILERS = [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean);

/**
 * Builds the floor in a folder that is deleted when this process ends. Returns undefined without a compiler. Throws
 * when the floor does not compile.
 */
export function builtFloor() {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-floor-'));
  atTheEnd(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'floor');
  for (const compiler of COMPILERS) {
    const { error, status, stderr } = spawnSync(compiler, ['-O2', '-o', program, SOURCE], { encoding: 'utf8' });
    if (status === 0) return program;
    if (error === undefined) throw new Error(`${compiler} could not build bench/floor.c:\n${stderr}`);
  }
  return undefined;
}
