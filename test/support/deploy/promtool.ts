import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';
import { ROOT } from './compose.js';

const PROGRAM = 'promtool';
const FOLDER = fileURLToPath(new URL('deploy/prometheus', ROOT));

const found = spawnSync(PROGRAM, ['--version']).status === 0;
const HOW_TO_GET = 'needs promtool in the PATH; on Debian: apt-get install prometheus';

/** As `describe`; without promtool skipped, with the reason in the title, and a failure where CI=true. */
export function describeWithPromtool(title: string, tests: () => void): void {
  // oxlint-disable jest/valid-title, jest/valid-describe-callback, jest/no-disabled-tests -- this stands in for describe
  if (found || process.env.CI === 'true') describe(title, tests);
  else describe.skip(`${title} (${HOW_TO_GET})`, tests);
  // oxlint-enable
}

/**
 * Runs promtool in deploy/prometheus, or in a folder that holds just these files, by name.
 * @returns everything that it printed, and whether it was content.
 */
export function promtool(
  args: readonly string[],
  files?: Readonly<Record<string, string>>,
): { ok: boolean; said: string } {
  if (!found) throw new Error(HOW_TO_GET);
  const folder = files === undefined ? FOLDER : mkdtempSync(join(tmpdir(), 'promtool-'));
  for (const [name, text] of Object.entries(files ?? {})) writeFileSync(join(folder, name), text);
  const { status, stdout, stderr } = spawnSync(PROGRAM, args, { cwd: folder, encoding: 'utf8' });
  if (files !== undefined) rmSync(folder, { recursive: true });
  return { ok: status === 0, said: stdout + stderr };
}
