import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from '@jest/globals';
import { describeWithProxy, FrontProxy } from '../support/front-proxy.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

const PEERS = 40;

let peers: ReturningPeer[] = [];
afterEach(async () => {
  for (const peer of peers) peer.leave();
  peers = [];
  await FrontProxy.stopAll();
  await stopServers();
});

/** A peer that connects again whenever its connection ends, and remembers what else it met than an open door. */
class ReturningPeer {
  readonly refusals: string[] = [];
  /** How often it has connected. */
  arrivals = 0;
  #peer: Peer | undefined;
  #left = false;

  constructor(private readonly url: string) {
    void this.#stay();
  }

  leave(): void {
    this.#left = true;
    this.#peer?.socket.terminate();
  }

  async #stay(): Promise<void> {
    while (!this.#left) {
      try {
        this.#peer = await Peer.connect(this.url);
        this.arrivals += 1;
        await this.#peer.closed;
      } catch (error) {
        if (!this.#left) this.refusals.push(String(error));
      }
    }
  }
}

/** Restarts one node after the other behind a proxy; `settled` resolves when the proxy knows that both are there. */
async function expectUnnoticed(
  proxy: FrontProxy,
  nodes: RunningServer[],
  settled: () => Promise<unknown>,
): Promise<void> {
  await settled();
  peers = Array.from({ length: PEERS }, () => new ReturningPeer(proxy.url));
  await until(() => peers.every(({ arrivals }) => arrivals === 1));
  for (const [index, node] of nodes.entries()) {
    await node.close();
    // Those who were on it are on the other one.
    await until(() => nodes[1 - index].connections.size === PEERS);
    nodes[index] = await startServer({ listenAddr: `127.0.0.1:${node.port}` });
    await settled();
  }
  expect(peers.flatMap(({ refusals }) => refusals)).toEqual([]);
  // Everybody was on at least one of the two that ended.
  expect(peers.filter(({ arrivals }) => arrivals < 2)).toEqual([]);
}

async function twoNodes(): Promise<RunningServer[]> {
  return [await startServer(), await startServer()];
}

describeWithProxy('nginx', 'a rolling restart behind nginx, as docs/operations.md sets it up', () => {
  const documented = /```nginx\n(upstream [^]*?)\n\nlocation \/ \{\n([^]*?)\n\}\n```/.exec(
    readFileSync('docs/operations.md', 'utf8'),
  )!;

  it('D1: every peer finds the other node at its first try', async () => {
    const nodes = await twoNodes();
    const [, upstream, location] = documented;
    const proxy = await FrontProxy.nginx(
      upstream
        .replace('127.0.0.1:8081', `127.0.0.1:${nodes[0].port}`)
        .replace('127.0.0.1:8082', `127.0.0.1:${nodes[1].port}`),
      location,
    );
    await expectUnnoticed(proxy, nodes, () => Promise.resolve());
    expect(upstream).toContain('max_fails=0');
  });
});

describeWithProxy('haproxy', 'a rolling restart behind HAProxy, as deploy/compose/haproxy.cfg sets it up', () => {
  it('D1: every peer finds the other node at its first try', async () => {
    const nodes = await twoNodes();
    const proxy = await FrontProxy.haproxyOfCompose(nodes);
    await expectUnnoticed(proxy, nodes, () => proxy.sees(2));
  });
});
