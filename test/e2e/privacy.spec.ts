import { afterEach, describe, expect, it } from '@jest/globals';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';

describe('privacy of the log', () => {
  afterEach(stopServers);

  it('no topic, payload or token reaches it, even at trace', async () => {
    const running = await startServer({ authToken: 'private-token' }, 'trace');
    const headers = { authorization: 'Bearer private-token' };
    const [a, b] = [
      await Peer.connect(running.url, { headers }),
      await Peer.connect(`${running.url}/private-path?x=private-query`, { headers }),
    ];
    await Peer.refused(`${running.url}/?token=private-query`, {
      headers: { authorization: 'Bearer private-wrong' },
    });
    await fetch(`${running.http}/private-path`);
    b.subscribe('private-topic');
    await b.sync();
    a.relay('private-topic', 'private-payload');
    await b.next();
    b.unsubscribe('private-topic');
    a.send(Buffer.from('private-garbage'));
    a.send('private-text');
    await Promise.all([a.sync(), b.sync()]);
    await running.close();

    expect(running.log.map((line) => line.msg)).toEqual(
      expect.arrayContaining(['subscribed', 'unsubscribed', 'refused an upgrade']),
    );
    expect(JSON.stringify(running.log)).not.toContain('private');
  });

  it('a topic appears at debug as a digest, equal for equal topics', async () => {
    const running = await startServer({}, 'cairn_signal::relay=debug');
    const peers = [await Peer.connect(running.url), await Peer.connect(running.url)];
    for (const peer of peers) peer.subscribe('same');
    peers[0].subscribe('other');
    await Promise.all(peers.map((peer) => peer.sync()));
    const digests = running.log.filter((line) => line.msg === 'subscribed').map((line) => line.topicDigest);
    expect(digests).toHaveLength(3);
    expect(new Set(digests).size).toBe(2);
    expect(digests[0]).toMatch(/^[0-9a-f]{12}$/);
  });

  it('at info a peer leaves no trace in the log', async () => {
    const running = await startServer({}, 'info');
    const lines = running.log.length;
    const peer = await Peer.connect(running.url);
    peer.subscribe('quiet');
    await peer.sync();
    await peer.close();
    expect(running.log.slice(lines)).toEqual([]);
  });
});
