import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { ListenAddress } from '../config/values.js';
import { authority } from '../transport/listen-fault.js';

/** Connects to a listener of this machine, at the first place that answers. Rejects with the fault of the last one. */
export async function connectedTo(address: ListenAddress, signal: AbortSignal): Promise<Socket> {
  const [first, second] = reachable(address);
  try {
    return await connected(first, signal);
  } catch (error) {
    if (second === undefined || signal.aborted) throw error;
    return connected(second, signal);
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

/** The Host by which to ask for it. */
export function hostOf(address: ListenAddress): string {
  const [place] = reachable(address);
  return 'path' in place ? 'localhost' : authority(place.host, place.port);
}
