import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { basename } from 'node:path';
import type { Settings } from '../config/settings.js';
import { parseCommandLine } from './command-line.js';

const TIMEOUT_MS = 3000;

/**
 * Asks the server that these settings describe whether it is alive. Resolves to 0 when it is, else to 1 with a line on
 * standard error. Over TLS it does not verify: it talks to its own container, where the certificate's name does not resolve.
 */
export function healthcheck(settings: Settings): Promise<number> {
  const { host, port } = settings.listenAddr;
  if (port === 0) return Promise.resolve(failed('listen-addr has port 0, so there is no telling where the server listens'));
  const request = settings.tlsCert === undefined ? plainRequest : tlsRequest;
  const options = { host: reachable(host), port, path: '/health/live', timeout: TIMEOUT_MS, rejectUnauthorized: false, agent: false as const };
  return new Promise((resolve) => {
    const asked = request(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 0 : failed(`the server answered ${response.statusCode}`));
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    asked.on('error', (error) => resolve(failed(error.message)));
    asked.end();
  });
}

/** The flags that the server of this container was started with: those of process 1, if that is cairn-signal. */
export function serverFlags(commandLine = readCommandLine()): ReadonlyMap<string, string> {
  const words = commandLine.split('\0').filter((word) => word !== '');
  const program = words.findIndex((word) => ['cairn-signal', 'main.js'].includes(basename(word)));
  return program < 0 ? new Map() : parseCommandLine(words.slice(program + 1)).flags;
}

function readCommandLine(): string {
  try {
    return readFileSync('/proc/1/cmdline', 'utf8');
  } catch {
    return '';
  }
}

/** Where a listener on all addresses can be reached from here. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function failed(why: string): number {
  process.stderr.write(`unhealthy: ${why}\n`);
  return 1;
}
