#!/usr/bin/env node
import { listenForSignals } from './cli/signals.js';

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
