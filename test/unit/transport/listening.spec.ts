import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { addressOf, listenOn } from '../../../src/transport/listening.js';

const open: TcpServer[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) {
    one.close();
    if ('closeAllConnections' in one) (one as Server).closeAllConnections();
  }
});

function server(): Server {
  const made = createServer((request, response) => response.end(request.socket.localAddress));
  open.push(made);
  return made;
}

/** Listens on a name with these addresses, and resolves to all that listen. */
async function listeners(addresses: readonly string[], port = 0): Promise<readonly TcpServer[]> {
  const first = server();
  const others = await listenOn(first, { host: 'name.example', port }, () => Promise.resolve(addresses));
  open.push(...others);
  return [first, ...others];
}

const places = (all: readonly TcpServer[]): string[] => all.map((one) => addressOf(one).address);

describe('a name to listen on', () => {
  it('is listened on at each of its addresses, with one port', async () => {
    const all = await listeners(['127.0.0.1', '127.0.0.2', '127.0.0.1']);
    expect(places(all)).toEqual(['127.0.0.1', '127.0.0.2']);
    const { port } = addressOf(all[0]);
    for (const address of places(all)) {
      expect(await (await fetch(`http://${address}:${port}/`)).text()).toBe(address);
    }
  });

  it('leaves out addresses that this machine does not have', async () => {
    expect(places(await listeners(['192.0.2.1', '127.0.0.1', '2001:db8::1']))).toEqual(['127.0.0.1']);
    await expect(listeners(['192.0.2.1'])).rejects.toThrow('EADDRNOTAVAIL');
  });

  it('is not listened on where one of its addresses is in use', async () => {
    const holder = createTcpServer().listen(0, '127.0.0.2');
    open.push(holder);
    await once(holder, 'listening');
    await expect(listeners(['127.0.0.1', '127.0.0.2'], addressOf(holder).port)).rejects.toThrow('EADDRINUSE');
  });
});
