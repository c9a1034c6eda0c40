import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { makeCertificates } from '../../support/certificates.js';
import type { Certificates } from '../../support/certificates.js';
import { Peer } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import { until } from '../../support/until.js';

let certificates: Certificates;
beforeEach(async () => {
  certificates = await makeCertificates();
});
afterEach(async () => {
  await stopServers();
  certificates.remove();
});

it('L3: where a fan-out over TLS waits for a moment for each peer, only as many are closed as are needed', async () => {
  const running = await startServer({
    tlsCert: certificates.chain,
    tlsKey: certificates.key,
    maxBufferedTotalBytes: 131_072,
  });
  const options = { ca: certificates.ca, servername: 'localhost' };
  const sender = await Peer.connect(running.url, options);
  const receivers = await Promise.all(Array.from({ length: 40 }, () => Peer.connect(running.url, options)));
  for (const peer of receivers) {
    peer.subscribe('t');
    await peer.sync();
  }
  // The limit is what 30 of them take.
  sender.relay('t', Buffer.alloc(4000));
  await sender.sync();
  await until(() => running.held.buffered.total === 0);
  const left = running.connections.size - 1;
  expect(left).toBeGreaterThanOrEqual(25);
  expect(left).toBeLessThan(35);
  await until(() => receivers.filter(({ received }) => received.length === 1).length >= left);
});
