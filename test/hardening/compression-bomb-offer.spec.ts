import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * A peer offers compression, or just compresses: a few kilobytes that would inflate to gigabytes. If the server
 * negotiated it (`perMessageDeflate: false` prevents that), it would inflate them, and keep a window in memory for each
 * connection.
 */
describe('compression bomb', () => {
  let running: RunningServer;
  let pair: HonestPair;

  beforeAll(async () => {
    running = await startServer();
    pair = await HonestPair.connect(running.url);
  });
  afterAll(stopServers);

  /** 16 MB of zeros in 16 KB. */
  const BOMB = deflateRawSync(Buffer.alloc(16 * 1024 * 1024));

  it.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits; server_max_window_bits=15; server_no_context_takeover',
    'permessage-deflate; server_max_window_bits=99999999999',
    'x-webkit-deflate-frame, deflate-stream, permessage-bzip2',
    'permessage-deflate, '.repeat(500),
    ';;=,"',
  ])('an offer is ignored: %#', async (offer) => {
    const connection = await RawConnection.open(running.port);
    connection.write(HANDSHAKE.replace('\r\n\r\n', `\r\nSec-WebSocket-Extensions: ${offer}\r\n\r\n`));
    await connection.heard('\r\n\r\n');
    expect(connection.answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(connection.answer.toLowerCase()).not.toContain('sec-websocket-extensions');
    connection.socket.destroy();
    await pair.isServed();
  });

  it.each([
    ['a compressed binary message', [clientFrame(0xc2, BOMB)]],
    ['a compressed text message', [clientFrame(0xc1, BOMB)]],
    ['a compressed fragment', [clientFrame(0x42, BOMB)]],
    ['compression that begins in a later fragment', [clientFrame(0x02, 'x'), clientFrame(0xc0, BOMB)]],
    ['a compressed ping', [clientFrame(0xc9, 'x')]],
    ['a compressed close', [clientFrame(0xc8, Buffer.from([3, 232]))]],
    ['the second reserved bit', [clientFrame(0xa2, 'x')]],
    ['the third reserved bit', [clientFrame(0x92, 'x')]],
  ])('1002: %s, even from a peer that offered compression', async (_what, frames) => {
    const peer = await Peer.connect(running.url, { perMessageDeflate: true });
    peer.tcp.write(Buffer.concat(frames));
    expect(await peer.closed).toEqual({ code: 1002, reason: 'broken WebSocket framing' });
    await pair.isServed();
  });
});
