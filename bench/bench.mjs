#!/usr/bin/env node
// Measures the cost of the built server over loopback, case by case. README.md in this folder explains the cases and
// the figures.
//   npm run bench
//   npm run bench -- --only pair1,idle --repeat 5
//   npm run bench -- --node /opt/node-24/bin/node,/opt/node-26/bin/node
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { benchArguments, given } from './arguments.mjs';
import { hasHaproxy } from './behind-haproxy.mjs';
import { caseNamed, GROUPS, NAMES } from './cases.mjs';
import { newCertificate } from './certificate.mjs';
import { columnsOf } from './columns.mjs';
import { ANY_CORE, coresApart } from './cores.mjs';
import { builtFloor } from './floor.mjs';
import { measureCase } from './measure.mjs';
import { measuredNodes, otherServers } from './nodes.mjs';
import { openFilesLimit } from './open-files.mjs';
import { report, unquiet } from './report.mjs';
import { summarize } from './summary.mjs';

const USAGE = `Measures the built server over loopback, beside a floor in C (bench/floor.c) or bare ws.

Usage: npm run bench -- [OPTIONS]
       npm run bench -- codec        the cost of reading one message, in nanoseconds, and the worst JSON messages
       npm run bench -- presence     the memory of a member, and the cost of telling who comes and goes

Options:
      --only A,B    Only these cases or groups, of ${NAMES.join(', ')};
                    ${Object.keys(GROUPS).join(', ')}
      --tls         The cases over TLS, beside HAProxy in front of the floor [default: ${GROUPS.tls.join(', ')}]
      --node PATH   Measure the server on this Node; several, by commas or by repeating the option, are measured side by
                    side [default: the Node that runs this]
      --beside [NAME=]PATH
                    Also measure this server, which takes the same flags; several as above. A file of JavaScript is
                    another build of this server, by its dist/main.js, and runs on each Node
      --pin         Keep the server and the load on different cores, by taskset
      --repeat N    Repetitions; the median counts [default: 3]
      --quick       Short runs, to see that everything works; not for figures
      --mask KIND   How peers mask their frames: zeros or random [default: zeros]
      --json FILE   Also write the results to FILE
  -h, --help        Print this help

Exit codes: 0 measured, 1 could not measure, 2 faults in the arguments.`;

const { alone, only, json, ...options } = given('bench', USAGE, (args) => {
  const { node, beside, pin, ...others } = benchArguments(args);
  if (others.help) return others;
  const cores = pin ? coresApart() : ANY_CORE;
  return { ...others, pin, nodes: measuredNodes(node), others: otherServers(beside), cores };
});
if (alone === 'codec') {
  await import('./codec.mjs');
  await import('./rendezvous.mjs');
} else if (alone === 'presence') {
  await import('./presence.mjs');
} else {
  await bench().catch((error) => {
    console.error(`bench: ${error.message}`);
    process.exit(1);
  });
}

async function bench() {
  if (json !== undefined) requireWritable(json);
  const cases = only.map(caseNamed);
  const overTls = cases.some(({ order }) => order.tls);
  const lacksHaproxy = overTls && !hasHaproxy();
  const needsFloor = cases.some(({ beside }) => beside.includes('floor'));
  const floor = needsFloor ? builtFloor() : undefined;
  const means = { floor, certificate: overTls ? await newCertificate() : undefined, mostFiles: openFilesLimit() };
  const summaries = {};
  for (const [i, measured] of cases.entries()) {
    console.error(`${only[i]} ...`);
    const here = measured.order.tls && lacksHaproxy ? { ...means, floor: undefined } : means;
    const columns = columnsOf(measured, options, here);
    try {
      summaries[only[i]] = summarize(measured, columns, await measureCase(columns, options));
    } catch (error) {
      // The others are worth having. A server may be too slow for the load of one case.
      console.error(`bench: ${only[i]}: ${error.message}`);
      process.exitCode = 1;
    }
  }

  console.log(report(summaries));
  if (needsFloor && floor === undefined) {
    console.log('no C compiler (cc, gcc or clang), so there are no ratios to the floor');
  }
  if (lacksHaproxy) console.log('no HAProxy in the PATH, so there are no ratios for the cases over TLS');
  const warning = unquiet(summaries);
  if (warning !== undefined) console.log(warning);
  if (json !== undefined) {
    const { nodes, pin, repeat, quick, mask } = options;
    const labels = nodes.map(({ label }) => label);
    const results = {
      measured: new Date().toISOString().slice(0, 10),
      cores: availableParallelism(),
      load: process.version,
      nodes: labels,
      pin,
      repeat,
      quick,
      mask,
      cases: summaries,
    };
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
