import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from '@jest/globals';
import { busHealth, busIs, countsOf } from '../support/bus.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { RawNats, subjectOf } from '../support/raw-nats.js';
import { scrape } from '../support/scrape.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

const TOKEN = 'a-token-for-metrics';

/** A NATS server that lets nodes in with these permissions, in its own notation. */
const guarded = (permissions: string): Promise<NatsServer> =>
  NatsServer.configured(
    `authorization { users: [ { user: a, password: b, permissions: { ${permissions} } } ] }\nno_auth_user: a`,
  );

/** Two nodes that relay to each other, and leave and find records, as far as NATS lets them. */
async function used(nats: NatsServer): Promise<[RunningServer, RunningServer]> {
  const [here, there] = [
    await startServer({ natsUrl: nats.url, metricsToken: TOKEN }),
    await startServer({ natsUrl: nats.url }),
  ];
  const [one, far] = [await Peer.connect(here.url), await Peer.connect(there.url)];
  for (const peer of [one, far]) {
    peer.subscribe('secret topic');
    await peer.sync();
  }
  await one.announce('secret topic', ['x'], 'aa');
  await far.query('secret topic');
  one.relay('secret topic', 'x');
  await one.sync();
  return [here, there];
}

describeWithNats('N8: what NATS refuses is counted, logged and shown', () => {
  afterEach(async () => {
    await stopServers();
    await NatsServer.stopAll();
  });

  it.each([
    ['publications', 'publish: { deny: "cairn.>" }', 'a publication below cairn.'],
    ['relays', 'publish: { deny: "cairn.topic.>" }', 'a publication below cairn.topic,'],
    ['questions', 'publish: { deny: "cairn.records.>" }', 'a publication below cairn.records,'],
    ['subscriptions', 'subscribe: { deny: "cairn.>" }', 'a subscription below cairn.'],
    ['topics', 'subscribe: { deny: "cairn.topic.>" }', 'a subscription below cairn.topic,'],
    ['records', 'subscribe: { deny: "cairn.records.>" }', 'a subscription below cairn.records,'],
    ['the inbox', 'subscribe: { deny: "_INBOX.>" }', 'a subscription below _INBOX,'],
    ['answers', 'publish: { deny: "_INBOX.>" }', 'a publication below _INBOX,'],
    ['everything', 'publish: { deny: ">" }, subscribe: { deny: ">" }', 'NATS denies this node a subscription'],
  ])('%s', async (_what, permissions, said) => {
    const nats = await guarded(permissions);
    const [here] = await used(nats);
    const { reason } = await busIs(here, 'degraded');
    expect(reason).toContain('NATS denies this node');
    await until(async () => (await busHealth(here)).reason!.includes(said));
    expect(countsOf(here).failed).toBeGreaterThan(0);
    const errors = here.log.filter(({ level }) => level === 'error').map(({ msg }) => msg);
    expect(errors.some((msg) => msg.includes(said))).toBe(true);
    // Each kind once a minute.
    expect(new Set(errors).size).toBe(errors.length);
    expect((await fetch(`${here.http}/health/ready`)).status).toBe(200);
    expect((await scrape(`${here.http}/metrics`, TOKEN)).get('cairn_signal_backplane_degraded')).toBe(1);
    expect(JSON.stringify(here.log.filter(({ level }) => level !== 'debug'))).not.toContain('secret topic');
  });

  it('more topics than max_subscriptions', async () => {
    const nats = await NatsServer.configured('max_subscriptions: 50');
    const here = await startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0 });
    await busIs(here, 'up');
    const peer = await Peer.connect(here.url);
    for (let i = 0; i < 200; i++) peer.subscribe(`topic ${i}`);
    await peer.sync();
    expect((await busIs(here, 'degraded')).reason).toBe(
      'NATS accepts no more subscriptions from this node (its max_subscriptions)',
    );
    expect(countsOf(here).failed).toBeGreaterThanOrEqual(150);
    expect(here.log.filter(({ level }) => level === 'error').length).toBe(1);
  });

  it('nothing, with exactly the permissions that docs/operations.md gives', async () => {
    const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const [, permissions] = /permissions: \{\n([^]*?)\n {6}\}/.exec(operations)!;
    const nats = await guarded(permissions);
    const nodes = await used(nats);
    // The relay is on its way still.
    await until(() => countsOf(nodes[1]).messagesIn > 0);
    for (const node of nodes) {
      expect(await busHealth(node)).toMatchObject({ backplane: 'up' });
      expect(countsOf(node).failed).toBe(0);
    }
    expect(countsOf(nodes[1]).messagesIn).toBe(1);
  });

  it('nothing, when a stranger on the bus asks for an answer where this node may not publish', async () => {
    const nats = await guarded('publish: { deny: "forbidden.>" }');
    const [here] = await used(nats);
    const stranger = await RawNats.join(nats.port);
    stranger.publish(subjectOf('records', 'secret topic'), '', 'forbidden.x');
    await until(() => countsOf(here).failed > 0);
    stranger.leave();
    expect(await busHealth(here)).toMatchObject({ backplane: 'up' });
  });
});
