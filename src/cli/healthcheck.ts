import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { basename } from 'node:path';
import type { Settings } from '../config/settings.js';
import type { ListenAddress } from '../config/values.js';
import { parseCommandLine } from './command-line.js';
import { complain } from './output.js';

const TIMEOUT_MS = 3000;

/**
 * Asks the server that these settings describe whether it is alive. Resolves to 0 when it is, and otherwise to 1 with a
 * line on standard error. Docker reserves the other codes. Does not verify TLS: it talks to its own container, where
 * the name in the certificate does not resolve.
 */
export async function healthcheck(load: () => Settings, say = complain): Promise<number> {
  try {
    const { listenAddr, tlsCert } = load();
    if (listenAddr.port === 0) {
      throw new Error('listen-addr has port 0, so the port of the server is unknown');
    }
    const status = await ask(listenAddr, tlsCert !== undefined);
    if (status !== 200) throw new Error(`the server answered ${status}`);
    return 0;
  } catch (error) {
    await say(`unhealthy: ${(error as Error).message}\n`);
    return 1;
  }
}

/** The flags of the server in this container: those of process 1, if that is cairn-signal. */
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

/** Resolves to the status of the server's answer. Rejects when no answer comes within TIMEOUT_MS. */
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

/** An address at which this machine reaches a listener, also one on all addresses. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
