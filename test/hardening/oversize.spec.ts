import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../src/transport/ws-connection.js';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * A message larger than any that a peer needs, or only the claim of one. Without `max-message-bytes` the server would
 * hold whatever a peer sends until the message ends: gigabytes for each connection.
 */
describe('oversize', () => {
  const TOO_BIG = { code: 1009, reason: 'message over 65536 bytes; the setting is max-message-bytes' };
  let running: RunningServer;
  let pair: HonestPair;

  beforeAll(async () => {
    running = await startServer();
    pair = await HonestPair.connect(running.url);
  });
  afterAll(stopServers);

  const counted = (): number => running.counts.of('max-message-bytes');

  it.each([65_537n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n])(
    '1009: a head that claims %d bytes, before any of them comes',
    async (length) => {
      const before = counted();
      const peer = await Peer.connect(running.url);
      const head = Buffer.from('82ff00000000000000000000', 'hex');
      head.writeBigUInt64BE(length, 2);
      peer.tcp.write(head);
      expect(await peer.closed).toEqual(TOO_BIG);
      expect(counted()).toBe(before + 1);
      await pair.isServed();
      await until(
        () => running.connections.size <= 2,
        () => pair.isServed(),
      );
    },
  );

  it.each([2n ** 63n, 2n ** 64n - 1n])(
    '1002: a head that claims %d bytes, which no frame may have (RFC 6455, section 5.2)',
    async (length) => {
      const before = counted();
      const peer = await Peer.connect(running.url);
      const head = Buffer.from('82ff00000000000000000000', 'hex');
      head.writeBigUInt64BE(length, 2);
      peer.tcp.write(head);
      expect(await peer.closed).toEqual({ code: 1002, reason: 'broken WebSocket framing' });
      expect(counted()).toBe(before);
      await pair.isServed();
    },
  );

  it('1009: 16 MB that still come are not read as messages', async () => {
    const before = counted();
    const peer = await Peer.connect(running.url);
    const connection = [...running.connections].at(-1) as WsConnection;
    const took: number[] = [];
    const take = connection.inbox.take.bind(connection.inbox);
    connection.inbox.take = (kind, data) => {
      took.push(data.length);
      take(kind, data);
    };
    peer.send(Buffer.alloc(16 * 1024 * 1024));
    await pair.isServed();
    // Its own closing handshake comes after the 16 MB, so the reset may win.
    expect([TOO_BIG.code, 1006]).toContain((await peer.closed).code);
    expect(took).toEqual([]);
    expect(counted()).toBe(before + 1);
    await pair.isServed();
  });

  it('1009: small fragments that together are one byte too long', async () => {
    const before = counted();
    const peer = await Peer.connect(running.url);
    const fragments = Array.from({ length: 64 }, (_, i) => clientFrame(i === 0 ? 0x02 : 0x00, Buffer.alloc(1024)));
    peer.tcp.write(Buffer.concat(fragments));
    await peer.sync();
    expect(counted()).toBe(before);
    peer.tcp.write(clientFrame(0x00, 'x'));
    expect(await peer.closed).toEqual(TOO_BIG);
    await pair.isServed();
  });

  it('1009: a text message of max-message-bytes is answered; one byte more closes', async () => {
    const json = await Peer.connect(running.url);
    const query = JSON.stringify({ type: 'query', topic: 't' });
    expect(await json.say(query.padEnd(65_536))).toEqual([{ type: 'result', topic: 't', payload: null, peers: [] }]);
    json.send(query.padEnd(65_537));
    expect(await json.closed).toEqual(TOO_BIG);
    await pair.isServed();
  });
});
