import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Backplane } from '../../src/backplane/backplane.js';
import { SILENT_MS } from '../../src/backplane/roster.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { scrape } from '../support/scrape.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { turn } from '../support/turn.js';
import { until } from '../support/until.js';

const busOf = (node: RunningServer): Backplane => node.server.app.get(Backplane, { strict: false });
/** Resolves once a node knows so many others, and whether one of them takes newcomers. */
const knows = (node: RunningServer, others: number, welcome = others > 0): Promise<void> =>
  until(() => busOf(node).nodes.others.size === others && busOf(node).othersWelcome === welcome);

describeWithNats('peers of a node that drains', () => {
  let nats: NatsServer;
  /** A node in a drain-delay that the test does not wait for. */
  let leaving: RunningServer | undefined;
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    endPrograms();
    await leaving?.server.close({ delay: false });
    leaving = undefined;
    await stopServers();
    await NatsServer.stopAll();
  });

  const node = (settings: object = {}): Promise<RunningServer> => startServer({ natsUrl: nats.url, ...settings });

  /** Drains a node with so many peers, and returns the delays that they are told, smallest first. */
  async function delaysOf(here: RunningServer, count: number): Promise<number[]> {
    const peers = await Promise.all(Array.from({ length: count }, () => Peer.connect(here.url)));
    await here.close();
    const ends = await Promise.all(peers.map((peer) => peer.closed));
    // On a busy machine, some are cut at drain-timeout, and hear no reason.
    const told = ends.flatMap(({ reason }) => /^restart; retry in (\d+) s$/.exec(reason)?.[1] ?? []);
    return told.map(Number).toSorted((a, b) => a - b);
  }

  it('D3: come back at once where another node takes them', async () => {
    const [here, there] = [await node(), await node()];
    await Promise.all([knows(here, 1), knows(there, 1)]);
    expect(new Set(await delaysOf(here, 25))).toEqual(new Set([0]));
    await knows(there, 0);
    expect(busOf(there).nodes.others.size).toBe(0);
  });

  it('D3: wait for what drain-timeout is too short for', async () => {
    const [here] = [await node({ drainTimeout: '1500ms' }), await node()];
    await knows(here, 1);
    // 3 s at 100 a second, of which 1 s is spread.
    expect(new Set(await delaysOf(here, 300))).toEqual(new Set([0, 1, 2]));
  });

  it.each<[string, () => Promise<RunningServer>]>([
    ['there is no bus', () => startServer()],
    ['it is the only node', () => node()],
    [
      'NATS is gone',
      async () => {
        const [here] = [await node(), await node()];
        await knows(here, 1);
        await nats.kill();
        await knows(here, 1, false);
        return here;
      },
    ],
    [
      'the only other node is about to stop',
      async () => {
        const [here, there] = [await node(), await node({ drainDelay: '1h' })];
        await knows(here, 1);
        leaving = there;
        void there.close();
        await knows(here, 1, false);
        return here;
      },
    ],
    [
      'the only other node has stopped',
      async () => {
        const [here, there] = [await node(), await node()];
        await knows(here, 1);
        await there.close();
        await knows(here, 0);
        return here;
      },
    ],
  ])('D3: wait where %s', async (_what, start) => {
    const delays = await delaysOf(await start(), 25);
    expect(delays.filter((seconds) => ![1, 2, 3, 4, 5].includes(seconds))).toEqual([]);
    expect(delays.at(-1)).toBeGreaterThan(1);
  });

  it('N14: a node that is killed has gone within 15 s, one that ends in order at once', async () => {
    const clock = new ManualClock();
    const here = await startServer({ natsUrl: nats.url, metricsToken: 'metrics' }, 'trace', clock);
    const gone: string[] = [];
    busOf(here).nodes.watch({ gone: (id) => gone.push(id) });
    const shown = async (): Promise<number | undefined> =>
      (await scrape(`${here.http}/metrics`, 'metrics')).get('cairn_signal_backplane_nodes');
    const programs = [0, 1].map(
      () => new Program(['--nats-url', nats.url, '--listen-addr', '127.0.0.1:0', '--log-format', 'json']),
    );
    await knows(here, 2);
    expect(await shown()).toBe(2);
    programs[0].signal('SIGTERM');
    await until(() => gone.length === 1);
    expect((await programs[0].ended).code).toBe(0);

    const [last] = busOf(here).nodes.others.keys();
    const killed = clock.monotonic();
    programs[1].signal('SIGKILL');
    await until(
      () => gone.length === 2,
      () => {
        clock.pass(1);
        return turn();
      },
    );
    expect(gone[1]).toBe(last);
    expect(clock.monotonic() - killed).toBeGreaterThan(SILENT_MS - 4000);
    expect(await shown()).toBe(0);
  });
});
