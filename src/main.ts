#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { listenForSignals } from './cli/signals.js';
import { forgetClosedTerminals } from './cli/terminals.js';

// Every message leaves short-lived garbage. By default V8 spreads it over 32 MB, too much for any cache
// (docs/performance.md).
setFlagsFromString('--semi-space-growth-factor=1');
// On newer Nodes, V8 frees the memory of its Maglev compiler on another thread, where the allocator keeps 15 MB of it.
// V8 complains of flags that it does not know, so this is for the versions that it was measured on.
const node = Number.parseInt(process.versions.node, 10);
if (node >= 24 && node <= 26) setFlagsFromString('--no-maglev-destroy-on-background');

// The process listens for signals before it loads anything else.
const signals = listenForSignals();
forgetClosedTerminals();

try {
  const { run } = await import('./cli/run.js');
  process.exit(await run(process.argv.slice(2), signals));
} catch (error) {
  // The modules did not load. EMFILE is the fault of the system: it allows too few file handles.
  const { code, stack } = error as NodeJS.ErrnoException;
  const why = code === 'EMFILE' ? 'too few file handles to start: raise "ulimit -n" to 512 or more' : stack;
  process.stderr.write(`cairn-signal: ${why}\n`);
  process.exit(1);
}
