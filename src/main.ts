#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { listenForSignals } from './cli/signals.js';

// What a message leaves behind is garbage at once. V8 would spread it over 32 MB, which no cache holds (docs/performance.md).
setFlagsFromString('--semi-space-growth-factor=1');

// Everything else is loaded after the process has begun to listen for signals.
const signals = listenForSignals();

try {
  const { run } = await import('./cli/run.js');
  process.exit(await run(process.argv.slice(2), signals));
} catch (error) {
  // The modules themselves did not load; with too few file handles that is the system's doing.
  const { code, stack } = error as NodeJS.ErrnoException;
  const why = code === 'EMFILE' ? 'too few file handles to start: raise "ulimit -n" to 512 or more' : stack;
  process.stderr.write(`cairn-signal: ${why}\n`);
  process.exit(1);
}
