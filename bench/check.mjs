#!/usr/bin/env node
// Checks whether the server costs more than before: compares it with baseline.json, for each Node.
//   npm run bench:check
//   npm run bench:check -- --node /opt/node-24/bin/node,/opt/node-26/bin/node
//   npm run bench:check -- --update
import { readFileSync, writeFileSync } from 'node:fs';
import { checkArguments, given } from './arguments.mjs';
import { compare, majorOf, updated, WAYS } from './baseline.mjs';
import { CASES, RATIO_NAMES } from './cases.mjs';
import { columnsOf } from './columns.mjs';
import { ANY_CORE } from './cores.mjs';
import { countInstructions } from './count.mjs';
import { cannotCount } from './counted-server.mjs';
import { COUNTED } from './counted-steps.mjs';
import { builtFloor } from './floor.mjs';
import { measureCase } from './measure.mjs';
import { measuredNodes } from './nodes.mjs';
import { confidence } from './statistics.mjs';

const BASELINE = new URL('baseline.json', import.meta.url);
const NOT_MEASURED = 3;
const percent = (/** @type {number} */ part) => `${part * 100} %`;

const USAGE = `Compares the cost of the built server with bench/baseline.json, which has figures for each major version of Node.

Usage: npm run bench:check -- [OPTIONS]

By instructions: valgrind counts what ${Object.keys(COUNTED).join(', ')} take. A load on the machine does not matter. They
may grow by ${percent(WAYS.instructions.tolerance)}.
By ratios: ${RATIO_NAMES.join(', ')} beside the floor. They may grow by ${percent(WAYS.ratios.tolerance)}, and
fail only if all of their confidence interval (95 %) is beyond that.

Options:
      --node PATH  Check on this Node; several, by commas or by repeating the option [default: the Node that runs this]
      --by WAY     ${Object.keys(WAYS).join(' or ')} [default: instructions, or ratios where valgrind is missing]
      --repeat N   Repetitions, for ratios [default: 5]
      --quick      Short runs, for ratios, to see that everything works; not for figures
      --update     Write bench/baseline.json for these Nodes instead of comparing
  -h, --help       Print this help

Exit codes: 0 nothing got worse, 1 something did, 2 faults in the arguments, 3 could not measure, or has no baseline for
this Node.`;

const { by, repeat, quick, update, nodes } = given('bench:check', USAGE, (args) => {
  const { node, ...options } = checkArguments(args);
  return options.help ? options : { ...options, nodes: measuredNodes(node) };
});
const lacking = cannotCount();
const way = by ?? (lacking === undefined ? 'instructions' : 'ratios');
if (by === undefined && lacking !== undefined) console.error(`bench:check: comparing ratios, because ${lacking}`);
if (way === 'instructions' && lacking !== undefined) giveUp(lacking);

const baseline = JSON.parse(readFileSync(BASELINE, 'utf8'));
for (const { label } of nodes) {
  if (!update && baseline[way]?.[majorOf(label)] === undefined) {
    giveUp(`bench/baseline.json has no ${way} for Node ${majorOf(label)}: run with --update on the version before`);
  }
}
const measured = await (way === 'instructions' ? byInstructions() : byRatios()).catch((error) => giveUp(error.message));

let next = baseline;
for (const [label, figures] of Object.entries(measured)) {
  const major = majorOf(label);
  if (update) {
    next = updated(next, way, major, figures);
    console.log(`Node ${major}: ${JSON.stringify(next[way][major])} is the new baseline`);
    continue;
  }
  for (const { name, holds, says } of compare(way, baseline[way][major], figures)) {
    console.log(`${holds ? 'ok    ' : 'failed'}  Node ${label}  ${name}: ${says}`);
    if (!holds) process.exitCode = 1;
  }
}
if (update) writeFileSync(BASELINE, `${JSON.stringify(next, null, 2)}\n`);

async function byInstructions() {
  const counts = {};
  for (const { path, label } of nodes) {
    console.error(`Node ${label} ...`);
    counts[label] = await countInstructions(path);
  }
  return counts;
}

/** The confidence intervals of the ratios, by Node and case. */
async function byRatios() {
  const floor = builtFloor();
  if (floor === undefined) giveUp('no C compiler (cc, gcc or clang), so there is no floor to compare with');
  const options = { nodes, others: [], quick, mask: 'zeros', cores: ANY_CORE, repeat };
  const ratios = Object.fromEntries(nodes.map(({ label }) => [label, {}]));
  for (const name of RATIO_NAMES) {
    console.error(`${name} ...`);
    const runs = await measureCase(columnsOf(CASES[name], options, { floor, mostFiles: Infinity }), options);
    const cost = CASES[name].figure.value;
    for (const { label } of nodes) {
      ratios[label][name] = confidence(runs[label].map((run, i) => cost(run) / cost(runs.floor[i])));
    }
  }
  return ratios;
}

function giveUp(/** @type {string} */ why) {
  console.error(`bench:check: ${why}`);
  process.exit(NOT_MEASURED);
}
