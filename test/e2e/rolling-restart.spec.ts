import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from '@jest/globals';
import { manifestsOf } from '../support/deploy/manifests.js';
import { overlay } from '../support/deploy/overlays.js';
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

describeWithProxy(
  'nginx',
  'behind nginx as ingress-nginx runs it for the Ingress of deploy/kubernetes/overlays',
  () => {
    const { annotations } = manifestsOf(overlay('ingress-nginx')).ingress!.metadata!;
    const READ = 'nginx.ingress.kubernetes.io/proxy-read-timeout';
    const behind = { trustedProxies: '127.0.0.1' };

    it('D1: a rolling restart lets every peer find the other node at its first try', async () => {
      const nodes = await twoNodes();
      await expectUnnoticed(await FrontProxy.ingressNginx(annotations!, nodes), nodes, () => Promise.resolve());
    });

    it('ends silent peers after its time-out only if the nodes ping less often', async () => {
      const short = { ...annotations, [READ]: '5' };
      const pinging = await startServer({ ...behind, pingInterval: '200ms', pongTimeout: '2s' });
      const silent = await startServer({ ...behind, pingInterval: '1h' });
      const stays = await Peer.connect((await FrontProxy.ingressNginx(short, [pinging])).url);
      const goes = await Peer.connect((await FrontProxy.ingressNginx(short, [silent])).url);
      expect((await goes.closed).code).toBe(1006);
      expect([pinging.connections.size, stays.socket.readyState]).toEqual([1, stays.socket.OPEN]);
      stays.socket.terminate();
    });

    it('limits by address hold for the peer, whatever it says of itself', async () => {
      const node = await startServer({ ...behind, maxConnectionsPerIp: 1 });
      const { url } = await FrontProxy.ingressNginx(annotations!, [node]);
      const [from, other] = ['127.0.0.2', '127.0.0.3'].map((localAddress) => ({ localAddress }));
      const first = await Peer.connect(url, from);
      const forged = { ...from, headers: { 'X-Forwarded-For': '192.0.2.1' } };
      expect((await Peer.refused(url, forged)).status).toBe(429);
      const second = await Peer.connect(url, other);
      expect(new Set([...node.connections].map(({ address }) => address))).toEqual(new Set(['127.0.0.2', '127.0.0.3']));
      for (const { socket } of [first, second]) socket.terminate();
    });
  },
);

describeWithProxy('haproxy', 'a rolling restart behind HAProxy, as deploy/compose/haproxy.cfg sets it up', () => {
  it('D1: every peer finds the other node at its first try', async () => {
    const nodes = await twoNodes();
    const proxy = await FrontProxy.haproxyOfCompose(nodes);
    await expectUnnoticed(proxy, nodes, () => proxy.sees(2));
  });
});
