import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * Messages cut into thousands of fragments, or begun and never finished. Without the bound of 4096 fragments, a message
 * of a few kilobytes would cost the server an object for each of its bytes, and empty fragments, which no size limit
 * counts, would have no limit at all.
 */
describe('fragment flood', () => {
  const TOO_MANY = { code: 1008, reason: 'message in more than 4096 pieces' };
  const BROKEN = { code: 1002, reason: 'broken WebSocket framing' };
  const [FIRST, FIRST_OF_TEXT, MORE, LAST, PING] = [0x02, 0x01, 0x00, 0x80, 0x89];
  let running: RunningServer;
  let pair: HonestPair;

  beforeAll(async () => {
    running = await startServer();
    pair = await HonestPair.connect(running.url);
  });
  afterAll(stopServers);

  const fragments = (count: number, payload: string, first = FIRST): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, i) => clientFrame(i === 0 ? first : MORE, payload)));

  it.each([
    ['one byte', 'x', FIRST],
    ['no bytes', '', FIRST],
    ['one byte of text', 'x', FIRST_OF_TEXT],
  ])('1008: 4096 fragments of %s are accepted, one more closes', async (_what, payload, first) => {
    const peer = await Peer.connect(running.url);
    peer.tcp.write(fragments(4096, payload, first));
    await peer.sync();
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
    peer.tcp.write(clientFrame(MORE, payload));
    expect(await peer.closed).toEqual(TOO_MANY);
    await pair.isServed();
  });

  it('a message of 4096 fragments, most of them empty, is relayed complete, and the next may have as many', async () => {
    const [peer, listener] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    listener.subscribe('pieces');
    await listener.sync();
    const message = relayMessage('pieces', 'whole');
    for (let i = 0; i < 3; i++) {
      const [head, tail] = [message.subarray(0, 7), message.subarray(7)];
      peer.tcp.write(
        Buffer.concat([
          clientFrame(FIRST, head),
          ...Array.from({ length: 4094 }, () => clientFrame(MORE)),
          clientFrame(LAST, tail),
        ]),
      );
      expect(await listener.next()).toEqual(message);
    }
    await pair.isServed();
  });

  it('pings between the fragments are answered in order, and the message is complete', async () => {
    const [peer, listener] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    listener.subscribe('pieces');
    await listener.sync();
    const pongs: string[] = [];
    peer.socket.on('pong', (data) => pongs.push(data.toString()));
    const message = relayMessage('pieces', Buffer.alloc(80, 'x'));
    const frames = [...message].flatMap((byte, i) => [
      clientFrame(i === 0 ? FIRST : MORE, Buffer.from([byte])),
      clientFrame(PING, `piece ${i}`),
    ]);
    peer.tcp.write(Buffer.concat(frames));
    await peer.sync();
    expect(pongs.slice(0, message.length)).toEqual([...message].map((_, i) => `piece ${i}`));
    await listener.sync();
    expect(listener.received).toEqual([]);
    peer.tcp.write(clientFrame(LAST));
    expect(await listener.next()).toEqual(message);
    await pair.isServed();
  });

  it('30 peers that each begin a message and never finish it delay nobody, and are forgotten when they leave', async () => {
    const registry = running.connections;
    const before = registry.size;
    const peers = await Promise.all(Array.from({ length: 30 }, () => Peer.connect(running.url)));
    for (const peer of peers) peer.tcp.write(fragments(4000, 'x'));
    await Promise.all(peers.map((peer) => peer.sync()));
    await pair.isServed();
    for (const { socket } of peers) socket.terminate();
    await until(
      () => registry.size <= before,
      () => pair.isServed(),
    );
    expect(registry.size).toBeLessThanOrEqual(before);
  });

  it.each([
    ['a continuation of no message', [clientFrame(MORE, 'x')]],
    ['the end of no message', [clientFrame(LAST, 'x')]],
    ['a message within another', [clientFrame(FIRST, 'x'), clientFrame(0x82, 'y')]],
    ['text within binary', [clientFrame(FIRST, 'x'), clientFrame(FIRST_OF_TEXT, 'y')]],
    ['a ping in fragments', [clientFrame(0x09, 'x')]],
    ['a close in fragments', [clientFrame(0x08)]],
    ['a ping of 126 bytes', [clientFrame(PING, 'x'.repeat(126))]],
    ['a close of one byte', [clientFrame(0x88, 'x')]],
    ['an undefined opcode', [clientFrame(0x83, 'x')]],
    ['an undefined control opcode', [clientFrame(0x8b, 'x')]],
  ])('1002: %s', async (_what, frames) => {
    const peer = await Peer.connect(running.url);
    peer.tcp.write(Buffer.concat(frames));
    expect(await peer.closed).toEqual(BROKEN);
    await pair.isServed();
  });
});
