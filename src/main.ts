#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { listenForSignals } from './cli/signals.js';
import { forgetClosedTerminals } from './cli/terminals.js';

// Every message leaves short-lived garbage. By default V8 spreads it over 32 MB, too much for any cache
// (docs/performance.md).
setFlagsFromString('--semi-space-growth-factor=1');

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
