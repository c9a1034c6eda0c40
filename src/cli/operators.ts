import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { loadManagementToken } from '../auth/load-tokens.js';
import { isPrincipal } from '../auth/principal.js';
import { ConfigurationError, StartupError } from '../config/faults.js';
import type { Settings } from '../config/settings.js';
import type { ListenAddress } from '../config/values.js';
import { complain, print } from './output.js';
import { connectedTo, hostOf } from './reach.js';

/** Milliseconds for an answer: the server waits two seconds for other nodes. */
const TIMEOUT_MS = 10_000;
/** Exit code for a principal that nobody was connected as. */
export const NOBODY_THERE = 3;

/** What the server says of connections that it closed. */
interface Disconnected {
  readonly closed: number;
  readonly nodes: number;
  readonly bus: 'off' | 'up' | 'degraded' | 'down';
}

/** What the server says of those that are there. */
interface Census {
  readonly connections: number;
  readonly anonymous: number;
  readonly principals: readonly { readonly principal: string; readonly connections: number }[];
  readonly next?: string;
}

/** Where orders go, and the token that they need. */
interface Server {
  readonly address: ListenAddress;
  readonly token: string;
}

/**
 * Has the connections of a principal closed, on all nodes, by the server that these settings describe. Resolves to 0
 * once they are, and to NOBODY_THERE where there were none. Rejects with a StartupError if the server does not do so,
 * and with a ConfigurationError if the settings do not say where it is.
 */
export async function disconnect(settings: Settings, principal: string): Promise<number> {
  const body = JSON.stringify({ principal });
  const { closed, nodes, bus } = (await ask(serverOf(settings), 'POST', '/connections/close', body)) as Disconnected;
  if (bus === 'down') await complain('warning: the bus cannot be reached, so other nodes were not asked\n');
  if (bus === 'degraded') await complain('warning: the bus is degraded, so some nodes may not have been asked\n');
  const on = nodes === 1 ? '1 node' : `${nodes} nodes`;
  if (closed === 0) {
    await print(`nobody is connected as ${shown(principal)} (${on} answered)\n`);
    return NOBODY_THERE;
  }
  await print(`closed ${closed} connection${closed === 1 ? '' : 's'} of ${shown(principal)} (${on} answered)\n`);
  return 0;
}

/** Prints how many connections each principal has on one node: the one that these settings describe. Rejects as above. */
export async function connections(settings: Settings): Promise<number> {
  const server = serverOf(settings);
  let after: string | undefined;
  do {
    const query = after === undefined ? '' : `?${new URLSearchParams({ after }).toString()}`;
    const census = (await ask(server, 'GET', `/connections${query}`)) as Census;
    const lines = census.principals.map((one) => line(one.connections, shown(one.principal)));
    if (census.next === undefined) {
      if (census.anonymous > 0) lines.push(line(census.anonymous, '(without a principal)'));
      lines.push(line(census.connections, 'connections on this node'));
    }
    await print(lines.join(''));
    after = census.next;
  } while (after !== undefined);
  return 0;
}

function line(count: number, what: string): string {
  return `${String(count).padStart(8)}  ${what}\n`;
}

/** A guard may set any text as a principal, and a terminal would obey some. */
function shown(principal: string): string {
  return isPrincipal(principal) ? principal : JSON.stringify(principal);
}

/** Throws a ConfigurationError that says what is missing. */
function serverOf(settings: Settings): Server {
  const { managementAddr: address } = settings;
  const token = loadManagementToken(settings);
  const faults = [
    ...(address === undefined ? ['management-addr is not set: it is where the server takes orders'] : []),
    ...(token === undefined ? ['management-token or management-token-file is not set: orders need it'] : []),
    ...(address !== undefined && 'port' in address && address.port === 0
      ? ['management-addr has port 0, so the port of the server is unknown']
      : []),
  ];
  if (faults.length > 0) throw new ConfigurationError(faults);
  return { address: address!, token: token! };
}

/** Resolves to the JSON of an answer with status 200. */
async function ask({ address, token }: Server, method: string, path: string, body?: string): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let answer: { readonly status: number | undefined; readonly body: string };
  try {
    const socket = await connectedTo(address, signal);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = {
        host: hostOf(address),
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      };
      request({ method, path, signal, headers, createConnection: () => socket }, resolve)
        .on('error', reject)
        .end(body);
    });
    answer = { status: response.statusCode, body: await text(response) };
    socket.destroy();
  } catch (error) {
    const why = signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : (error as Error).message;
    throw new StartupError(`management-addr cannot be reached: ${why}`);
  }
  const read = parsed(answer.body);
  if (answer.status === 200 && read !== undefined) return read;
  const { message } = (read ?? {}) as { message?: unknown };
  throw new StartupError(
    `the server answered ${answer.status}${typeof message === 'string' ? `: ${shown(message)}` : ''}`,
  );
}

function parsed(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
