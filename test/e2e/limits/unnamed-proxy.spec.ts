import { afterEach, describe, expect, it } from '@jest/globals';
import { Peer } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';

afterEach(stopServers);

const FORWARDED = { 'X-Forwarded-For': '203.0.113.7' };
const warnings = ({ log }: RunningServer): string[] =>
  log.filter(({ level, msg }) => level === 'warn' && msg.includes('was reached by an address')).map(({ msg }) => msg);

describe('a limit by source that a proxy reaches which nobody named', () => {
  it('L6: max-connections-per-ip warns once, and names trusted-proxies', async () => {
    const running = await startServer({ maxConnectionsPerIp: 1 });
    await Peer.connect(running.url, { headers: FORWARDED });
    for (let i = 0; i < 3; i++) expect((await Peer.refused(running.url, { headers: FORWARDED })).status).toBe(429);
    expect(warnings(running)).toEqual([expect.stringMatching(/^max-connections-per-ip was .*name it there/)]);
    expect(warnings(running)[0]).toContain('trusted-proxies');
    expect(JSON.stringify(running.log)).not.toContain('203.0.113.7');
  });

  it('L9: max-wrong-tokens does, too', async () => {
    const running = await startServer({ maxWrongTokens: 1, authToken: 's3cret', trustedProxies: '192.0.2.1' });
    const wrong = { headers: { ...FORWARDED, Authorization: 'Bearer wrong' } };
    expect((await Peer.refused(running.url, wrong)).status).toBe(401);
    for (let i = 0; i < 3; i++) expect((await Peer.refused(running.url, wrong)).status).toBe(429);
    expect(warnings(running)).toEqual([expect.stringMatching(/^max-wrong-tokens was /)]);
  });

  it('J8: records-per-source does, too', async () => {
    const running = await startServer({ recordsPerSource: 1 });
    const peer = await Peer.connect(running.url, { headers: { Forwarded: 'for=203.0.113.7' } });
    await peer.announce('1', ['x']);
    for (const topic of ['2', '3']) {
      expect(await peer.announce(topic, ['x'])).toMatchObject([{ type: 'error', code: 'quota_exceeded' }]);
    }
    expect(warnings(running)).toEqual([expect.stringMatching(/^records-per-source was /)]);
  });

  it('does not warn where nobody says that it is a proxy', async () => {
    const running = await startServer({ maxConnectionsPerIp: 1 });
    await Peer.connect(running.url);
    expect((await Peer.refused(running.url)).status).toBe(429);
    expect(warnings(running)).toEqual([]);
  });

  it('does not warn where the proxy is trusted', async () => {
    const running = await startServer({ maxConnectionsPerIp: 1, trustedProxies: '127.0.0.1' });
    await Peer.connect(running.url, { headers: FORWARDED });
    expect((await Peer.refused(running.url, { headers: FORWARDED })).status).toBe(429);
    expect(warnings(running)).toEqual([]);
  });
});
