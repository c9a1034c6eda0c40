import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { Settings } from '../config/settings.js';
import type { ListenAddress } from '../config/values.js';
import { authority } from '../transport/listen-fault.js';
import { TrustedProxies } from '../transport/trusted-proxies.js';
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
    const settings = load();
    const { listenAddr } = settings;
    if ('port' in listenAddr && listenAddr.port === 0) {
      throw new Error('listen-addr has port 0, so the port of the server is unknown');
    }
    const status = await ask(settings, reachable(listenAddr));
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
async function ask(settings: Settings, places: readonly [Place, ...Place[]]): Promise<number | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    let socket: Socket;
    try {
      socket = await connected(places[0], signal);
    } catch (error) {
      if (places[1] === undefined || signal.aborted) throw error;
      socket = await connected(places[1], signal);
    }
    return await statusOf(socket, settings, signal);
  } catch (error) {
    throw signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : error;
  }
}

async function connected(place: Place, signal: AbortSignal): Promise<Socket> {
  const socket = connect(place);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
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

type Place = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Where this machine reaches a listener, also one on all addresses: that of IPv6 may have IPv4 alone to be reached by.
 */
function reachable(address: ListenAddress): readonly [Place, ...Place[]] {
  if ('path' in address) return [{ path: address.path }];
  const { host, port } = address;
  if (host === '0.0.0.0') return [{ host: '127.0.0.1', port }];
  return host === '::'
    ? [
        { host: '::1', port },
        { host: '127.0.0.1', port },
      ]
    : [{ host, port }];
}

function hostOf(address: ListenAddress): string {
  const [place] = reachable(address);
  return 'path' in place ? 'localhost' : authority(place.host, place.port);
}
