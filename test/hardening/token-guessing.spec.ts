import { afterEach, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * Guessing the token, one upgrade after another. What keeps a guesser out is the length of the token and how it is
 * compared. Without `max-wrong-tokens` its guesses would not be counted, and without RefusalLog each would be a line in
 * the log.
 */
describe('token guessing', () => {
  const RIGHT = 'cairn-token-0123456789';

  afterEach(stopServers);

  /** A guess through a trusted proxy that saw `address`. */
  function guess(
    running: RunningServer,
    token: string,
    address: string,
    how: 'header' | 'subprotocol' = 'header',
  ): Promise<number> {
    const headers = { 'X-Forwarded-For': address, ...(how === 'header' && { Authorization: `Bearer ${token}` }) };
    const protocols = how === 'header' ? [] : ['cairn-signal', `bearer.${Buffer.from(token).toString('base64url')}`];
    return Peer.refused(running.url, { headers, protocols }).then(({ status }) => status);
  }

  const start = (): Promise<RunningServer> =>
    startServer({ trustedProxies: '127.0.0.1', authToken: RIGHT, drainTimeout: '0s' }, 'trace', new ManualClock());
  const honest: PeerOptions = { headers: { Authorization: `Bearer ${RIGHT}` } };

  it('60 guesses from one address, by header or subprotocol: ten 401, then 429, no connection, one line in the log', async () => {
    const running = await start();
    const pair = await HonestPair.connect(running.url, honest);
    const statuses: number[] = [];
    for (let i = 0; i < 60; i++) {
      statuses.push(await guess(running, `guess ${i}`, '203.0.113.1', i % 2 === 0 ? 'header' : 'subprotocol'));
    }
    expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(50).fill(429)]);
    expect(running.counts.of('max-wrong-tokens')).toBe(50);
    expect(running.connections.size).toBe(2);
    expect(running.log.filter(({ msg }) => msg === 'refused an upgrade')).toHaveLength(1);
    expect(JSON.stringify(running.log)).not.toContain('guess');
    await pair.isServed();
    // A peer that shares the address and has the token is still let in.
    const neighbour = await Peer.connect(running.url, {
      headers: { ...honest.headers, 'X-Forwarded-For': '203.0.113.1' },
    });
    expect(neighbour.socket.readyState).toBe(neighbour.socket.OPEN);
  });

  it.each([
    ['claims another address before the one that the proxy writes', (i: number) => `10.0.0.${i}, 203.0.113.1`],
    ['claims to be behind further proxies', (i: number) => `198.51.100.${i}, 127.0.0.1, 203.0.113.1`],
    ['uses new addresses of its /64 again and again', (i: number) => `2001:db8:0:1:${i}::${i}`],
    [
      'writes the same address in different ways',
      (i: number) => ['203.0.113.1', '::ffff:203.0.113.1', '203.0.113.1:1234', '[::ffff:203.0.113.1]:99'][i % 4],
    ],
  ])('a guesser that %s is still one guesser', async (_what, address) => {
    const running = await start();
    const pair = await HonestPair.connect(running.url, honest);
    const statuses: number[] = [];
    for (let i = 0; i < 14; i++) statuses.push(await guess(running, `guess ${i}`, address(i)));
    expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(4).fill(429)]);
    await pair.isServed();
    expect(await guess(running, 'guess', '203.0.113.77')).toBe(401);
  });

  it('a token that is nearly right does not open the server', async () => {
    const running = await startServer({ authToken: RIGHT, maxWrongTokens: 0 });
    const pair = await HonestPair.connect(running.url, honest);
    const near = [
      '',
      ...Array.from({ length: RIGHT.length - 1 }, (_, i) => RIGHT.slice(0, i + 1)),
      RIGHT.toUpperCase(),
      ` ${RIGHT}.`,
      `${RIGHT},${RIGHT}`,
      `${RIGHT} ${RIGHT}`,
      `"${RIGHT}"`,
      '*',
      '%',
      'undefined',
      'null',
      '__proto__',
    ];
    for (const token of near) expect([token, await guess(running, token, 'unused')]).toEqual([token, 401]);
    expect(running.connections.size).toBe(2);
    await pair.isServed();
  });
});
