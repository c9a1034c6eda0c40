import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { slowForms } from '../../bench/slow-forms.mjs';
import { readMessage, readRequest } from '../../src/protocol/strict-reader.js';
import type { WsConnection } from '../../src/transport/ws-connection.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { metered } from '../support/metered-frame.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { tokensSpent } from '../support/tokens-spent.js';
import { until } from '../support/until.js';

/**
 * Legal CBOR in the forms that are slowest to read: thousands of empty names, empty chunks, integers one by one. A
 * reader that makes an object for each takes 10 to 40 ms for 64 KiB, and 200 of those a second from one peer starve
 * everyone else.
 */
describe('slow CBOR', () => {
  const LARGEST = 65_536;
  const forms = Object.entries(slowForms(LARGEST));

  it.each(forms)('R6: %s: the reader makes no object for each', (_name, frame) => {
    expect(frame.length).toBeGreaterThan(LARGEST - 512);
    // Two strings in one piece each, and strings of more than 128 bytes.
    expect(readMessage(metered(frame, 4 * frame.length, 8))?.kind).toBe('Relay');
  });

  it.each(forms)('V2: %s, cut off: nor does looking for its id', (_name, frame) => {
    const broken = frame.subarray(0, -1);
    expect(readRequest(metered(broken, 8 * broken.length, 8))).toMatchObject({ id: undefined });
  });

  describe('L1', () => {
    const RATE = { maxMessagesPerSecond: 200, messageBurst: 400 };
    let running: RunningServer;
    beforeAll(async () => {
      running = await startServer(RATE, 'off', new ManualClock());
    });
    afterAll(stopServers);

    const spent = (connection: WsConnection): number => tokensSpent(connection, RATE.maxMessagesPerSecond);
    const newest = (): WsConnection => ([...running.connections] as WsConnection[]).at(-1)!;

    it.each([
      ['4,095 bytes', 4095, 1],
      ['4,096 bytes', 4096, 2],
      ['64 KiB', LARGEST, 17],
    ])('a message of %s that is not canonical costs a token, and one for each 4 KiB', async (_name, bytes, tokens) => {
      const peer = await Peer.connect(running.url);
      peer.send(Buffer.alloc(bytes, 0xff));
      await peer.sync();
      // The ping costs one token as well.
      expect(spent(newest())).toBeCloseTo(tokens + 1);
      await peer.close();
    });

    it('a peer that sends only those is held back after 24, and an honest pair is served before the next is read', async () => {
      const pair = await HonestPair.connect(running.url);
      const peer = await Peer.connect(running.url);
      const connection = newest();
      for (let i = 0; i < 100; i++) peer.send(forms[i % forms.length][1]);
      await until(() => connection.inbox.paused);
      const { received } = running.traffic;
      // 400 tokens at 16 or 17 each, and none left.
      expect(received.relay).toBeGreaterThanOrEqual(24);
      expect(received.relay).toBeLessThanOrEqual(26);
      await pair.isServed();
      expect(received.relay).toBeLessThanOrEqual(28);
      peer.socket.terminate();
    });
  });
});
