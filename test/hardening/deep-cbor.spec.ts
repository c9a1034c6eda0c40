import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * CBOR that nests tens of thousands of levels deep, or that claims lengths far beyond its few bytes. Without the strict
 * reader's bound on depth it would overflow the stack. A reader that believed the lengths would try to allocate all
 * memory.
 */
describe('deep CBOR', () => {
  let running: RunningServer;
  let pair: HonestPair;

  beforeAll(async () => {
    running = await startServer({ maxMessagesPerSecond: 0 }, 'info');
    pair = await HonestPair.connect(running.url);
  });
  afterAll(stopServers);

  const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
  /** {"Subscribe": {"topic": "deep", "x": what follows. */
  const UNKNOWN = bytes('a1 69537562736372696265 a2 65746f706963 6464656570 6178');
  /** {"Subscribe": {"topic": what follows. */
  const TOPIC = bytes('a1 69537562736372696265 a1 65746f706963');
  /** {"Relay": {"topic": "deep", "payload": what follows. */
  const PAYLOAD = bytes('a1 6552656c6179 a2 65746f706963 6464656570 677061796c6f6164');
  const DEPTH = 60_000;
  const deep = (head: string): Buffer => Buffer.alloc(DEPTH, bytes(head));

  /**
   * Sends what must be dropped, and checks that nothing else happens: the connection stays, and its next message is
   * handled.
   */
  async function isDropped(frame: Buffer): Promise<void> {
    const [peer, listener] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    listener.subscribe('after');
    await listener.sync();
    peer.send(frame);
    const after = peer.relay('after', 'it');
    expect(await listener.next()).toEqual(after);
    expect([...running.topics.subscribers('deep')]).toEqual([]);
    expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
    await pair.isServed();
    await Promise.all([peer.close(), listener.close()]);
  }

  it.each([
    ['arrays', Buffer.concat([UNKNOWN, deep('81')])],
    ['complete arrays', Buffer.concat([UNKNOWN, deep('81'), bytes('00')])],
    ['open arrays', Buffer.concat([UNKNOWN, deep('9f')])],
    ['maps', Buffer.concat([UNKNOWN, deep('a100')])],
    ['open maps', Buffer.concat([UNKNOWN, deep('bf')])],
    ['tags in an unknown field', Buffer.concat([UNKNOWN, deep('c1'), bytes('00')])],
    ['tags before everything', deep('c1')],
    ['tags before the topic', Buffer.concat([TOPIC, deep('c1')])],
    ['big numbers of big numbers', Buffer.concat([UNKNOWN, deep('c2'), bytes('40')])],
    ['open text in a topic', Buffer.concat([TOPIC, deep('7f')])],
    ['open byte strings in a payload', Buffer.concat([PAYLOAD, deep('5f')])],
    ['open arrays in a payload', Buffer.concat([PAYLOAD, deep('9f')])],
    ['only arrays', deep('81')],
    ['only maps', deep('a1')],
  ])(`R6: %s, ${DEPTH} deep, are dropped`, async (_what, frame) => {
    await isDropped(frame);
    expect(frame.length).toBeLessThanOrEqual(65_536);
  });

  it.each([
    ['a depth of 254 is the maximum', 254, 1],
    ['a depth of 255 is dropped', 255, 0],
  ])('R6: as an unknown field, %s', async (_what, depth, subscribers) => {
    const peer = await Peer.connect(running.url);
    peer.send(Buffer.concat([UNKNOWN, Buffer.alloc(depth, 0x81), bytes('00')]));
    await peer.sync();
    expect(running.topics.subscribers('deep').size).toBe(subscribers);
    peer.unsubscribe('deep');
    await peer.sync();
    await peer.close();
  });

  it('R4: tens of thousands of tags, and of open strings that are closed again, cost nothing but their bytes', async () => {
    const [peer, listener] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    listener.subscribe('deep');
    await listener.sync();
    peer.send(
      Buffer.concat([
        deep('c1').subarray(0, 20_000),
        PAYLOAD,
        Buffer.alloc(20_000, 0x5f),
        bytes('41 78'),
        Buffer.alloc(20_000, 0xff),
      ]),
    );
    expect(await listener.next()).toEqual(relayMessage('deep', 'x'));
    await listener.close();
    await pair.isServed();
  });

  const CLAIMS = [
    '1a 3fffffff',
    '1a 7fffffff',
    '1a ffffffff',
    '1b 000000ffffffffff',
    '1b 001fffffffffffff',
    '1b ffffffffffffffff',
  ];
  /** Places for a head of major type `major` that claims what the hex says. */
  const claiming = (major: number, claim: string): Buffer => {
    const head = bytes(claim);
    head[0] |= major << 5;
    return head;
  };

  it('R6: claimed lengths are dropped, and no memory is allocated', async () => {
    const frames = CLAIMS.flatMap((claim) => [
      Buffer.concat([PAYLOAD, claiming(2, claim)]),
      Buffer.concat([PAYLOAD, claiming(4, claim), bytes('00 00')]),
      Buffer.concat([TOPIC, claiming(3, claim)]),
      Buffer.concat([TOPIC, bytes('7f'), claiming(3, claim)]),
      Buffer.concat([UNKNOWN, claiming(2, claim)]),
      Buffer.concat([UNKNOWN, claiming(4, claim)]),
      Buffer.concat([UNKNOWN, claiming(5, claim)]),
      Buffer.concat([UNKNOWN, bytes('c2'), claiming(2, claim)]),
      Buffer.concat([bytes('a1'), claiming(3, claim)]),
      Buffer.concat([bytes('a1 69537562736372696265'), claiming(5, claim)]),
      Buffer.concat([bytes('a1 69537562736372696265'), claiming(4, claim)]),
      claiming(5, claim),
    ]);
    const before = process.memoryUsage().arrayBuffers;
    for (const frame of frames) await isDropped(frame);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(0x3fff_ffff);
  });
});
