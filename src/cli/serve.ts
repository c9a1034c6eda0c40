import { setImmediate } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { createApp } from '../app.js';
import { codeFiles } from '../extensions.js';
import { SystemClock } from '../clock/clock.js';
import type { Environment } from '../config/environment.js';
import type { LoadedSettings } from '../config/load-settings.js';
import { nodeWarnings } from '../config/node-version.js';
import type { Settings } from '../config/settings.js';
import { shownPath } from '../config/shown-path.js';
import { Logs } from '../logging/log.js';
import type { Log } from '../logging/log.js';
import { nameOf, textOf } from '../logging/name-of.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { readLogFilter } from '../logging/log-filter.js';
import { authority, isWildcard } from '../transport/listen-fault.js';
import { inheritedSockets } from './inherited-sockets.js';
import type { InheritedSockets } from './inherited-sockets.js';
import { LAST_WORDS_MS } from './output.js';
import type { Signals, StopSignal } from './signals.js';
import { originOf } from './stray-error.js';

/**
 * Serves until a signal or a fault of ours. The first of these drains; a second signal stops immediately. Resolves to
 * the exit code. Rejects with a StartupError.
 */
export async function serve(
  { settings, warnings }: LoadedSettings,
  environment: Environment,
  signals: Signals,
): Promise<number> {
  const { filter, warnings: logWarnings } = readLogFilter(environment);
  const format = settings.logFormat ?? (isatty(1) ? 'pretty' : 'json');
  const logs = new Logs({ format, filter });
  // What else prints, such as a custom guard or Node itself, must not end the server when nobody reads it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    const server = { settings, format, sockets: inheritedSockets(environment) };
    return await serveLogging(server, logs, [...warnings, ...logWarnings, ...nodeWarnings()], signals);
  } finally {
    await logs.settled(new SystemClock().sleep(LAST_WORDS_MS));
  }
}

interface Served {
  readonly settings: Settings;
  readonly format: 'json' | 'pretty';
  /** Sockets that listen already. */
  readonly sockets: InheritedSockets;
}

async function serveLogging(
  { settings, format, sockets }: Served,
  logs: Logs,
  warnings: readonly string[],
  signals: Signals,
): Promise<number> {
  const log = logs.for('server');
  for (const warning of warnings) log.write('start_warning', {}, { warning });
  logNodesWarnings(log);

  // An operator's code may already fail while it is loaded.
  const faults = listenForFaults(log, settings);
  const server = await Promise.race([createApp(settings, { logs }), faults.first.then(() => undefined)]);
  if (server === undefined) return 1;
  const address = await server.listen(sockets);
  if (address.port > 0 && format === 'pretty') {
    const secure = settings.tlsCert === undefined ? '' : 's';
    const here = authority(isWildcard(address.address) ? 'localhost' : address.address, address.port);
    const check = settings.checkPage ? `open http${secure}://${here}/check in a browser; ` : '';
    log.write('next_step', {}, { what: `${check}point peers at ws${secure}://${here}; Ctrl-C stops the server` });
  }
  signals.onHangup(() => void server.reload());
  signals.onIgnored((signal) => log.write('signal_ignored', { signal }));

  const reason = await Promise.race([signals.first.then((signal) => ({ signal })), faults.first]);
  log.write('stopping', reason);
  // A fault during the drain-delay ends the delay.
  void faults.first.then(() => server.close({ delay: false }));
  const ended = server.close({ delay: 'signal' in reason && !isByHand(reason.signal, signals) });
  const interrupted = await Promise.race([ended, signals.second]);
  if (interrupted !== undefined) {
    server.refuseNewcomers();
    // Until what they are told is written.
    await setImmediate();
  }
  const code = interrupted ?? Number(faults.any);
  log.write('stopped', { code });
  return code;
}

/** Whether somebody at a terminal wants the end: there are no load balancers that must look away first. */
function isByHand(signal: StopSignal, { onTerminal }: Signals): boolean {
  return onTerminal && signal !== 'SIGTERM';
}

/**
 * Logs that Node, libraries or an operator's code warn of something, in place of what Node prints on standard error;
 * nothing with `--no-warnings`. Code that was shown a token may put it into the text, so that is at debug only.
 */
function logNodesWarnings(log: Log<'server'>): void {
  if (process.listenerCount('warning') === 0) return;
  process.removeAllListeners('warning');
  const warnings = new ThrottledLog(log, new SystemClock());
  process.on('warning', (warning: Error & { code?: unknown }) => {
    const warningCode = typeof warning.code === 'string' ? warning.code : undefined;
    warnings.write('node_warning', { error: nameOf(warning), warningCode });
    log.write('node_warning_text', { error: textOf(warning) });
  });
}

/** Errors that nobody caught. */
interface Faults {
  /** Resolves at the first fault. */
  readonly first: Promise<{ fault: string }>;
  /** Whether there was a fault. */
  readonly any: boolean;
}

/**
 * Logs the first fault, and keeps faults from ending the process before it has drained. Later faults follow from the
 * first and are not logged. The text of an error in an operator's code may hold what that was shown, so it is logged at
 * debug only.
 */
function listenForFaults(log: Log<'server'>, settings: Settings): Faults {
  let any = false;
  const first = new Promise<{ fault: string }>((resolve) => {
    // Node raises an unhandled rejection as an uncaught exception.
    process.on('uncaughtException', (error: unknown, origin) => {
      if (any) return;
      any = true;
      const { files, sure } = originOf(error, codeFiles(settings));
      if (files.length === 0) {
        log.write('bug', {
          origin,
          error: error instanceof Error ? error.stack : String(error),
        });
      } else {
        const blamed = files.map(({ name, path }) => `${name} ${shownPath(path)}`).join(', ');
        const words = { blame: sure ? 'thrown by' : 'probably of', files: blamed };
        log.write('operator_code_threw', { origin, error: nameOf(error) }, words);
        log.write('operator_code_error', { error: textOf(error) });
      }
      resolve({ fault: origin });
    });
  });
  return {
    first,
    get any() {
      return any;
    },
  };
}
