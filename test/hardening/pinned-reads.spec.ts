import { afterEach, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';

afterEach(stopServers);

/**
 * A message whose bytes come one by one, between many pings. `ws` keeps each byte as a slice of the 64 KiB that were
 * read with it, so without a bound on the frames between fragments, 4096 bytes would hold 256 MiB.
 */
describe('pinned reads', () => {
  it('1008: 512 pings and pongs inside a message pass; one more closes', async () => {
    const running = await startServer({ maxMessagesPerSecond: 0 });
    const pair = await HonestPair.connect(running.url);
    const peer = await Peer.connect(running.url);
    const [first, more, last] = [0x02, 0x00, 0x80];
    const pongs = (count: number): Buffer =>
      Buffer.concat(Array.from({ length: count }, () => clientFrame(0x8a, Buffer.alloc(125))));
    // Between messages there may be any number.
    peer.tcp.write(
      Buffer.concat([
        pongs(1000),
        clientFrame(first, 'x'),
        pongs(512),
        clientFrame(last, 'x'),
        pongs(1),
        clientFrame(first, 'x'),
        pongs(511),
      ]),
    );
    await peer.sync();
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
    peer.tcp.write(Buffer.concat([clientFrame(more, 'x'), pongs(1)]));
    expect(await peer.closed).toEqual({ code: 1008, reason: 'message interrupted by more than 512 pings and pongs' });
    await pair.isServed();
  });
});
