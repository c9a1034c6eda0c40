import { fileURLToPath } from 'node:url';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { upgradeOf } from '../../../src/auth/upgrade-request.js';
import { Permissions } from '../../../src/embedding.js';
import type { TopicAction } from '../../../src/embedding.js';
import { PolicyCounts } from '../../../src/metrics/policy-counts.js';
import { makeKey, sign } from '../../support/issuer.js';
import { ManualClock } from '../../support/manual-clock.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import { until } from '../../support/until.js';
import { V2Peer } from '../../support/v2-peer.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-presence-policy-'));
afterEach(stopServers);
afterAll(() => rmSync(folder, { recursive: true }));

type Allows = (principal: string | undefined, action: TopicAction, topic: string) => unknown;

/** The principal is the path. */
class ByPath {
  canActivate(context: Parameters<typeof upgradeOf>[0]): boolean {
    const request = upgradeOf(context);
    request.principal = request.url!.slice(1) || undefined!;
    return true;
  }
}

/** A server with this policy, and what it was asked. */
async function ruled(allows: Allows, clock = new ManualClock()): Promise<{ running: RunningServer; asked: string[] }> {
  const asked: string[] = [];
  class CompanyPolicy {
    allows(...[principal, action, topic]: Parameters<Allows>): boolean {
      asked.push(`${action} ${topic}`);
      return allows(principal, action, topic) as boolean;
    }
  }
  const extensions = { guards: [ByPath], topicPolicy: CompanyPolicy };
  return { running: await startServer({ drainTimeout: '0s' }, 'trace', clock, extensions), asked };
}

const forbidden = (topic: string, id?: number): object => ({
  Error: { ...(id !== undefined && { id }), topic, code: 'forbidden', message: expect.any(String) },
});

describe('who may be told the members', () => {
  it('P9: is asked after subscribe, only of those who want to be told, and once', async () => {
    const { running, asked } = await ruled(() => true);
    const peer = await V2Peer.connect(running.url);
    await peer.answer({ Subscribe: { topic: 'a' } });
    await peer.answer({ Subscribe: { topic: 'b', presence: false } });
    expect(asked).toEqual(['subscribe a', 'subscribe b']);
    await peer.look('a');
    await peer.look('a');
    await peer.look('c');
    expect(asked.slice(2)).toEqual(['presence a', 'subscribe c', 'presence c']);
  });

  it.each<[string, unknown]>([
    ['no', false],
    ['a late no', Promise.resolve(false)],
    ['a no with a time', { allowed: false, seconds: 5 }],
    ['no answer at all', null],
  ])('P9: %s refuses the whole Subscribe; without presence it is done', async (_what, answer) => {
    const { running, asked } = await ruled((_principal, action) => (action === 'presence' ? answer : true));
    const peer = await V2Peer.connect(running.url);
    expect(await peer.ask({ Subscribe: { topic: 't', presence: true, data: Buffer.from('x') } })).toEqual([
      forbidden('t', 1),
    ]);
    expect(running.topics.size).toBe(0);
    expect(await peer.ask({ Subscribe: { topic: 't' } })).toEqual([{ Ack: { id: 2 } }]);
    expect(asked).toContain('presence t');
    // What it has, it keeps, when it asks for more than it may have.
    expect(await peer.ask({ Subscribe: { topic: 't', presence: true } })).toEqual([forbidden('t', 3)]);
    expect(running.topics.subscriptions).toBe(1);
  });

  it('P9: a no to subscribe is the only question', async () => {
    const { running, asked } = await ruled((_principal, action) => action !== 'subscribe');
    const peer = await V2Peer.connect(running.url);
    expect(await peer.ask({ Subscribe: { topic: 't', presence: true } })).toEqual([forbidden('t', 1)]);
    expect(asked).toEqual(['subscribe t']);
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a promise of undefined', Promise.resolve(undefined)],
  ])('P9: %s comes from a policy that knows no presence: whoever may subscribe is told', async (_what, answer) => {
    const { running } = await ruled((_principal, action, topic) =>
      action === 'presence' ? answer : topic === 'theirs',
    );
    const peer = await V2Peer.connect(running.url);
    expect((await peer.look('theirs')).count).toBe(1);
    expect(await peer.answer({ Subscribe: { topic: 'other', presence: true } })).toMatchObject(forbidden('other'));
    expect(running.server.app.get(PolicyCounts, { strict: false }).failures).toEqual({
      failed: 0,
      timeout: 0,
      nonsense: 0,
    });
  });

  it('P9: when its time ends with a no, the peer is told so, and the members no more; it stays subscribed', async () => {
    const clock = new ManualClock();
    let allowed = true;
    const { running } = await ruled(
      (_principal, action) => (action === 'presence' ? { allowed, seconds: 60 } : true),
      clock,
    );
    const [looker, other] = [await V2Peer.connect(running.url), await V2Peer.connect(running.url)];
    await looker.look('t');
    await other.answer({ Subscribe: { topic: 't' } });
    expect((await looker.take('Members')).count).toBe(2);
    allowed = false;
    clock.pass(59_000);
    expect(await looker.hear()).toEqual(forbidden('t'));
    clock.pass(60_000);
    await other.answer({ Unsubscribe: { topic: 't' } });
    const third = await V2Peer.connect(running.url);
    await third.answer({ Subscribe: { topic: 't' } });
    expect(await third.answer({ Relay: { topic: 't', payload: Buffer.from('x') } })).toMatchObject({ Ack: { to: 1 } });
    // Nothing of who came and went, but what is relayed.
    expect(await looker.heard()).toEqual([
      { Relay: { topic: 't', payload: Buffer.from('x'), from: expect.any(Buffer) } },
    ]);
    expect(running.server.app.get(PolicyCounts, { strict: false }).ended).toEqual({
      subscription: 0,
      presence: 1,
      record: 0,
    });
    expect(JSON.stringify(running.log)).toContain('"presence":1');
  });

  it('P5, P9: forget has it asked again, of that principal alone', async () => {
    let allowed = true;
    const { running } = await ruled((_principal, action) => action !== 'presence' || allowed);
    const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => V2Peer.connect(`${running.url}/${name}`)));
    for (const peer of [alice, bob]) await peer.look('t');
    await alice.take('Members');
    allowed = false;
    running.server.app.get(Permissions, { strict: false }).forget('alice');
    expect(await alice.hear()).toEqual(forbidden('t'));
    expect(await bob.heard()).toEqual([]);
  });

  it('P6: a subscription that ends is told of once, by an Error, and the connection stays', async () => {
    let allowed = true;
    const { running } = await ruled(() => allowed);
    const peer = await V2Peer.connect(running.url);
    await peer.look('t');
    allowed = false;
    running.server.app.get(Permissions, { strict: false }).forget();
    expect(await peer.hear()).toEqual(forbidden('t'));
    await until(() => running.topics.size === 0);
    expect(await peer.heard()).toEqual([]);
    expect(peer.isOpen).toBe(true);
  });

  it('A6, P9: the claim topics of a JWT grants both, and neither elsewhere', async () => {
    const key = await makeKey('one');
    const jwtPublicKey = join(folder, 'key.pem');
    writeFileSync(jwtPublicKey, key.pem);
    const policy = fileURLToPath(new URL('../../support/extensions/no-presence.js', import.meta.url));
    const jwt = { jwtIssuer: ['https://issuer.example.com'], jwtAudience: ['signal'], jwtPublicKey };
    const claims = { iss: 'https://issuer.example.com', aud: 'signal', sub: 'alice', topics: ['granted'] };
    const token = await sign(key, { ...claims, exp: Math.floor(Date.now() / 1000) + 3600 });
    for (const topicPolicy of [undefined, policy]) {
      const running = await startServer({ ...jwt, ...(topicPolicy !== undefined && { topicPolicy }) });
      const peer = await V2Peer.connect(running.url, { headers: { Authorization: `Bearer ${token}` } });
      expect(await peer.answer({ Subscribe: { topic: 'other', presence: true } })).toMatchObject(forbidden('other'));
      expect(await peer.answer({ Subscribe: { topic: 'granted', presence: true } })).toMatchObject(
        topicPolicy === undefined ? { Ack: {} } : forbidden('granted'),
      );
      expect(await peer.answer({ Subscribe: { topic: 'granted' } })).toHaveProperty('Ack');
    }
  });
});
