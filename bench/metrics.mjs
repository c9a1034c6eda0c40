#!/usr/bin/env node
// Measures the cost of the metrics: compares the built server with a copy that does not count messages.
//   npm run bench:metrics
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CASES } from './cases.mjs';
import { MeasuredProcess } from './measured-process.mjs';
import { runLoad } from './run-load.mjs';
import { median } from './statistics.mjs';

const USAGE = `Measures the cost of counting per message: compares the built server with a copy that does not count.

Usage: npm run bench:metrics -- [--repeat N]

The two run in turn, and swap their order every time. A ratio within 2 % of 1 is noise.`;
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The code to cut out, by file. Every pattern must match. */
const COUNTING = {
  'signaling/signaling.gateway.js': [
    [/if \(--this\.#untimed === 0\)\s*this\.#timed\(connection, message\);\s*else\s*/, ''],
    [/this\.traffic\.(?:received|dropped)\.\w+ \+= 1;/g, ';'],
  ],
  'signaling/relay.js': [
    [/if \((this\.#send\(topic, message, sender\)) === 0\)\s*this\.traffic\.unheard \+= 1;/, '$1;'],
    [/deliveries \+= 1;|this\.traffic\.deliveries \+= deliveries;/g, ''],
  ],
  'transport/ws-connection.js': [[/(?:this\.share\.)?traffic\.bytes(?:In|Out) \+= \w+\.length;/g, '']],
};

const { values } = parseArgs({
  options: { repeat: { type: 'string', default: '5' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-uncounted-'));
process.once('exit', () => rmSync(folder, { recursive: true }));
const programs = { counting: join(ROOT, 'dist/main.js'), uncounted: uncountedCopy() };

for (const name of ['pair1', 'pair8', 'fanout']) {
  const runs = { counting: [], uncounted: [] };
  for (let i = 0; i < Number(values.repeat); i++) {
    const order = i % 2 === 0 ? ['counting', 'uncounted'] : ['uncounted', 'counting'];
    for (const kind of order) runs[kind].push(await measured(programs[kind], CASES[name]));
  }
  const ratios = runs.counting.map((figure, i) => figure / runs.uncounted[i]);
  const range = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`;
  const [counting, uncounted] = [runs.counting, runs.uncounted].map((figures) => median(figures).toFixed(2));
  const ratio = `${median(ratios).toFixed(3)} x (${range})`;
  console.log(`${name.padEnd(7)} ${counting} us with, ${uncounted} us without: ${ratio}`);
}

async function measured(program, { order, figure }) {
  const server = await MeasuredProcess.server([], program);
  const result = await runLoad(server, { ...order, mask: 'zeros' });
  await server.stop();
  return figure.value(result);
}

/** Copies the built server without the code that counts. Returns the path of its main program. */
function uncountedCopy() {
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [file, cuts] of Object.entries(COUNTING)) {
    const path = join(folder, 'dist', file);
    let text = readFileSync(path, 'utf8');
    for (const [pattern, rest] of cuts) {
      const cut = text.replace(pattern, rest);
      if (cut === text) throw new Error(`${file} no longer counts as this benchmark expects: ${pattern}`);
      text = cut;
    }
    writeFileSync(path, text);
  }
  return join(folder, 'dist/main.js');
}
