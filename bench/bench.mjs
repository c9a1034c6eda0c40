#!/usr/bin/env node
// Measures the cost of the built server over loopback, case by case. README.md in this folder explains the cases and
// the figures.
//   npm run bench
//   npm run bench -- --only pair1,idle --repeat 5
//   npm run bench -- --node /opt/node-24/bin/node,/opt/node-26/bin/node
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { benchArguments, given } from './arguments.mjs';
import { CASES, NAMES } from './cases.mjs';
import { columnsOf } from './columns.mjs';
import { ANY_CORE, coresApart } from './cores.mjs';
import { builtFloor } from './floor.mjs';
import { measureCase } from './measure.mjs';
import { measuredNodes } from './nodes.mjs';
import { report, unquiet } from './report.mjs';
import { summarize } from './summary.mjs';

const USAGE = `Measures the built server over loopback, beside a floor in C (bench/floor.c) or bare ws.

Usage: npm run bench -- [OPTIONS]
       npm run bench -- codec        the cost of reading one message, in nanoseconds, and the worst JSON messages
       npm run bench -- presence     the memory of a member, and the cost of telling who comes and goes

Options:
      --only A,B    Only these cases, of ${NAMES.join(', ')}
      --node PATH   Measure the server on this Node; several, by commas or by repeating the option, are measured side by
                    side [default: the Node that runs this]
      --pin         Keep the server and the load on different cores, by taskset
      --repeat N    Repetitions; the median counts [default: 3]
      --quick       Short runs, to see that everything works; not for figures
      --mask KIND   How peers mask their frames: zeros or random [default: zeros]
      --json FILE   Also write the results to FILE
  -h, --help        Print this help

Exit codes: 0 measured, 1 could not measure, 2 faults in the arguments.`;

const { alone, only, json, ...options } = given('bench', USAGE, (args) => {
  const { node, pin, ...others } = benchArguments(args);
  if (others.help) return others;
  return { ...others, pin, nodes: measuredNodes(node), cores: pin ? coresApart() : ANY_CORE };
});
if (alone === 'codec') {
  await import('./codec.mjs');
  await import('./rendezvous.mjs');
} else if (alone === 'presence') {
  await import('./presence.mjs');
} else {
  await bench();
}

async function bench() {
  if (json !== undefined) requireWritable(json);
  const needsFloor = only.some((name) => CASES[name].beside === 'floor');
  const floor = needsFloor ? builtFloor() : undefined;
  const summaries = {};
  for (const name of only) {
    console.error(`${name} ...`);
    const columns = columnsOf(CASES[name], options, floor);
    summaries[name] = summarize(CASES[name], columns, await measureCase(columns, options));
  }

  console.log(report(summaries));
  if (needsFloor && floor === undefined) {
    console.log('no C compiler (cc, gcc or clang), so there are no ratios to the floor');
  }
  const warning = unquiet(summaries);
  if (warning !== undefined) console.log(warning);
  if (json !== undefined) {
    const { nodes, pin, repeat, quick, mask } = options;
    const labels = nodes.map(({ label }) => label);
    const results = { load: process.version, nodes: labels, pin, repeat, quick, mask, cases: summaries };
    writeFileSync(json, `${JSON.stringify(results, rounded, 2)}\n`);
  }
}

/** Rounds numbers for the JSON file: the measurements have no more digits than these. */
function rounded(_name, value) {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

/** Exits if the file cannot be written: before minutes of measuring, not after. */
function requireWritable(file) {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    console.error(`bench: --json: ${error.message}`);
    process.exit(2);
  }
}
