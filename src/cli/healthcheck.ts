import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { basename } from 'node:path';
import type { Settings } from '../config/settings.js';
import type { ListenAddress } from '../config/values.js';
import { parseCommandLine } from './command-line.js';

const TIMEOUT_MS = 3000;

/**
 * Asks the server that these settings describe whether it is alive. Resolves to 0 when it is, else to 1 with a line on
 * standard error: no other code, since Docker keeps the rest. Over TLS it does not verify: it talks to its own container,
 * where the certificate's name does not resolve.
 */
export async function healthcheck(load: () => Settings): Promise<number> {
  try {
    const { listenAddr, tlsCert } = load();
    if (listenAddr.port === 0) {
      throw new Error('listen-addr has port 0, so there is no telling where the server listens');
    }
    const status = await ask(listenAddr, tlsCert !== undefined);
    if (status !== 200) throw new Error(`the server answered ${status}`);
    return 0;
  } catch (error) {
    process.stderr.write(`unhealthy: ${(error as Error).message}\n`);
    return 1;
  }
}

/** The flags that the server of this container was started with: those of process 1, if that is cairn-signal. */
export function serverFlags(commandLine = readCommandLine()): ReadonlyMap<string, string> {
  const words = commandLine.replace(/\0$/, '').split('\0');
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

/** The status that the server answers with. Rejects when there is none within the time-out. */
function ask({ host, port }: ListenAddress, tls: boolean): Promise<number | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const request = tls ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: reachable(host), port, path: '/health/live', signal, rejectUnauthorized: false, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    asked.on('error', (error) => reject(signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : error));
    asked.end();
  });
}

/** Where a listener on all addresses can be reached from here. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
