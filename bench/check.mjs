#!/usr/bin/env node
// Checks whether the server is still as near to the floor as before: compares today's ratios with baseline.json.
//   npm run bench:check
//   npm run bench:check -- --update
import { readFileSync, writeFileSync } from 'node:fs';
import { checkArguments, given } from './arguments.mjs';
import { compare, TOLERANCE } from './baseline.mjs';
import { CASES, RATIO_NAMES } from './cases.mjs';
import { columnsOf } from './columns.mjs';
import { ANY_CORE } from './cores.mjs';
import { builtFloor } from './floor.mjs';
import { measureCase } from './measure.mjs';
import { measuredNodes } from './nodes.mjs';
import { unquiet } from './report.mjs';
import { summarize } from './summary.mjs';

const BASELINE = new URL('baseline.json', import.meta.url);

const USAGE = `Measures ${RATIO_NAMES.join(', ')} and compares their ratios to the floor with bench/baseline.json.

Usage: npm run bench:check -- [OPTIONS]

Options:
      --repeat N  Repetitions; the median counts [default: 3]
      --quick     Short runs, to see that everything works; not for figures
      --update    Write bench/baseline.json instead of comparing
  -h, --help      Print this help

Exit codes: 0 no ratio is more than ${TOLERANCE * 100} % worse, 1 one is, or could not be measured, 2 faults in the
arguments.`;

const { repeat, quick, update } = given('bench:check', USAGE, checkArguments);
const floor = builtFloor();
if (floor === undefined) {
  console.error('bench:check: no C compiler (cc, gcc or clang), so there is no floor to compare with');
  process.exit(1);
}

const nodes = measuredNodes([]);
const summaries = {};
for (const name of RATIO_NAMES) {
  console.error(`${name} ...`);
  const columns = columnsOf(
    CASES[name],
    { nodes, others: [], quick, mask: 'zeros', cores: ANY_CORE },
    { floor, mostFiles: Infinity },
  );
  summaries[name] = summarize(CASES[name], columns, await measureCase(columns, { repeat, cores: ANY_CORE }));
}
const measured = Object.fromEntries(
  Object.entries(summaries).map(([name, { columns }]) => [
    name,
    Number(columns[process.version].ratio.median.toFixed(2)),
  ]),
);
const warning = unquiet(summaries);
if (warning !== undefined) console.log(warning);

if (update) {
  writeFileSync(BASELINE, `${JSON.stringify(measured, null, 2)}\n`);
  for (const [name, ratio] of Object.entries(measured)) {
    console.log(`${name}: ${ratio.toFixed(2)} x floor is the new baseline`);
  }
} else {
  const verdicts = compare(JSON.parse(readFileSync(BASELINE, 'utf8')), measured);
  for (const { name, holds, says } of verdicts) console.log(`${holds ? 'ok    ' : 'failed'}  ${name}: ${says}`);
  process.exitCode = verdicts.every(({ holds }) => holds) ? 0 : 1;
}
