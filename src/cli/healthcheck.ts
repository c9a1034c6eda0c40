import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { Settings } from '../config/settings.js';
import { TrustedProxies } from '../transport/trusted-proxies.js';
import { parseCommandLine } from './command-line.js';
import { complain } from './output.js';
import { connectedTo, hostOf } from './reach.js';

const TIMEOUT_MS = 3000;

/**
 * Asks the server that these settings describe whether it is alive. Resolves to 0 when it is, and otherwise to 1 with a
 * line on standard error. Docker reserves the other codes. Does not verify TLS: it talks to its own container, where
 * the name in the certificate does not resolve.
 */
export async function healthcheck(load: () => Settings, say = complain): Promise<number> {
  try {
    const settings = load();
    const { listenAddr } = settings;
    if ('port' in listenAddr && listenAddr.port === 0) {
      throw new Error('listen-addr has port 0, so the port of the server is unknown');
    }
    const status = await ask(settings);
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

/**
 * Resolves to the status of the server's answer, at the first place that answers. Rejects when none comes within
 * TIMEOUT_MS.
 */
async function ask(settings: Settings): Promise<number | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await statusOf(await connectedTo(settings.listenAddr, signal), settings, signal);
  } catch (error) {
    throw signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : error;
  }
}

function statusOf(socket: Socket, settings: Settings, signal: AbortSignal): Promise<number | undefined> {
  // The server takes this machine for a proxy, and so expects what a proxy says of itself.
  const { proxyProtocol, trustedProxies = [], forwardedHeader, tlsCert } = settings;
  const proxies = new TrustedProxies(trustedProxies, forwardedHeader);
  if (proxyProtocol && proxies.trusts(socket.localAddress ?? 'unknown')) {
    socket.write('PROXY UNKNOWN\r\n');
  }
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        path: '/health/live',
        signal,
        headers: { host: hostOf(settings.listenAddr) },
        createConnection: () => (tlsCert === undefined ? socket : connectTls({ socket, rejectUnauthorized: false })),
      },
      (response) => {
        resolve(response.statusCode);
        socket.destroy();
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}
