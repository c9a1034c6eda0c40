import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { Peer, relayMessage, settle } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

describe('relay: who receives what', () => {
  let running: RunningServer;
  let topic: string;
  let count = 0;

  beforeAll(async () => {
    running = await startServer({ maxMessagesPerSecond: 0, maxBufferedBytes: 0 });
  });
  afterAll(stopServers);

  /** Peers that all subscribe to a topic of their test. */
  async function subscribers(howMany: number): Promise<Peer[]> {
    topic = `topic-${++count}`;
    const peers = await Promise.all(Array.from({ length: howMany }, () => Peer.connect(running.url)));
    for (const peer of peers) peer.subscribe(topic);
    await Promise.all(peers.map((peer) => peer.sync()));
    return peers;
  }

  it('R1: a relay reaches every other subscriber once and never its sender', async () => {
    const [a, b, c] = await subscribers(3);
    const message = a.relay(topic, 'offer');
    await settle([a], [a, b, c]);
    expect([a.received, b.received, c.received]).toEqual([[], [message], [message]]);
  });

  it('R1: nobody else receives it', async () => {
    const [a, b] = await subscribers(2);
    const [elsewhere] = await subscribers(1);
    const idle = await Peer.connect(running.url);
    a.relay(`topic-${count - 1}`, 'offer');
    await settle([a], [b, elsewhere, idle]);
    expect(b.received).toHaveLength(1);
    expect([...elsewhere.received, ...idle.received]).toEqual([]);
  });

  it('R2: the sender need not be subscribed', async () => {
    const [b] = await subscribers(1);
    const stranger = await Peer.connect(running.url);
    const message = stranger.relay(topic, 'offer');
    expect(await b.next()).toEqual(message);
  });

  it('R3: subscribing twice changes nothing, and one Unsubscribe undoes both', async () => {
    const [a, b] = await subscribers(2);
    b.subscribe(topic);
    await b.sync();
    a.relay(topic, 'once');
    await settle([a], [b]);
    expect(b.received.splice(0)).toHaveLength(1);

    b.unsubscribe(topic);
    await b.sync();
    a.relay(topic, 'not any more');
    await settle([a], [b]);
    expect(b.received).toEqual([]);
  });

  it('R3: unsubscribing from an unknown topic is harmless', async () => {
    const [a, b] = await subscribers(2);
    b.unsubscribe('never heard of');
    await b.sync();
    const message = a.relay(topic, 'still here');
    expect(await b.next()).toEqual(message);
  });

  it('R4: a message that arrives in a lenient encoding leaves in the canonical one', async () => {
    const [a, b] = await subscribers(2);
    const text = Buffer.from(topic);
    // Tags, a byte-string key, an unknown field, an indefinite inner map, the payload first and in chunks, bytes after
    // the end.
    a.send(
      Buffer.concat([
        Buffer.from('d9d9f7b9000165', 'hex'),
        Buffer.from('Relay'),
        Buffer.from('bf477061796c6f61645f41ca41feff', 'hex'),
        Buffer.from('6178820102', 'hex'),
        Buffer.from('65746f706963c078', 'hex'),
        Buffer.from([text.length]),
        text,
        Buffer.from('ff00', 'hex'),
      ]),
    );
    expect(await b.next()).toEqual(relayMessage(topic, Buffer.from('cafe', 'hex')));
  });

  it('R4: a message that arrives canonical leaves byte for byte, at every size of head', async () => {
    const [a, b] = await subscribers(2);
    for (const size of [0, 1, 23, 24, 100, 255, 256, 65_000]) {
      const message = a.relay(topic, Buffer.alloc(size, size));
      expect((await b.next()).equals(message)).toBe(true);
    }
  });

  it('R5: messages of one connection to one topic arrive in the order sent', async () => {
    const [a, b] = await subscribers(2);
    const sent = Array.from({ length: 500 }, (_, i) => a.relay(topic, String(i)));
    await settle([a], [b]);
    expect(b.received).toEqual(sent);
  });

  it('R5: canonical and lenient messages keep their order among each other', async () => {
    const [a, b] = await subscribers(2);
    for (let i = 0; i < 50; i++) {
      const canonical = relayMessage(topic, String(i));
      a.send(i % 2 === 0 ? canonical : Buffer.concat([Buffer.from('c0', 'hex'), canonical]));
    }
    await settle([a], [b]);
    expect(b.received).toEqual(Array.from({ length: 50 }, (_, i) => relayMessage(topic, String(i))));
  });

  it('R5: a relay followed immediately by a close is still delivered', async () => {
    const [a, b] = await subscribers(2);
    const message = a.relay(topic, 'last words');
    a.socket.close();
    expect(await b.next()).toEqual(message);
  });

  it('R5: a relay followed immediately by a broken connection is still delivered', async () => {
    const [a, b] = await subscribers(2);
    const message = relayMessage(topic, 'last words');
    a.socket.send(message, () => a.socket.terminate());
    expect(await b.next()).toEqual(message);
  });

  it('R6: anything but the three messages is dropped, and the connection stays open and in order', async () => {
    const [a, b] = await subscribers(2);
    a.send(Buffer.from('ff', 'hex'));
    a.send(Buffer.from('a163466f6fa0', 'hex'));
    a.send(Buffer.alloc(0));
    const message = a.relay(topic, 'after garbage');
    await settle([a], [b]);
    expect(b.received).toEqual([message]);
    expect(a.received).toEqual([]);
  });

  it('R7: a connection that ends leaves all its topics, and an empty topic is forgotten', async () => {
    // A server of its own: peers of other tests leave when they do.
    const { url, topics, connections } = await startServer();
    const peers = [await Peer.connect(url), await Peer.connect(url)];
    for (let i = 0; i < 100; i++) for (const peer of peers) peer.subscribe(`mine-${i}`);
    await Promise.all(peers.map((peer) => peer.sync()));
    expect(topics.size).toBe(100);

    await peers[0].close();
    await peers[1].sync();
    expect(topics.size).toBe(100);

    peers[1].socket.terminate();
    await peers[1].closed;
    // Someone else's barrier: the server has seen the end once it has handled what came after it.
    const witness = await Peer.connect(url);
    await until(
      () => connections.size === 1,
      () => witness.sync(),
    );
    expect(topics.size).toBe(0);
  });

  it('R8: a fragmented message leaves as one unfragmented, unmasked, uncompressed binary message', async () => {
    topic = `topic-${++count}`;
    const b = await Peer.connect(running.url, { perMessageDeflate: true });
    b.subscribe(topic);
    await b.sync();
    const frames: Buffer[] = [];
    b.tcp.on('data', (chunk: Buffer) => frames.push(Buffer.from(chunk)));

    const a = await Peer.connect(running.url);
    const message = relayMessage(topic, Buffer.alloc(300, 7));
    for (const [i, byte] of message.entries()) a.socket.send(Buffer.from([byte]), { fin: i === message.length - 1 });
    await b.next();
    expect(Buffer.concat(frames)).toEqual(
      Buffer.concat([Buffer.from([0x82, 126, message.length >> 8, message.length & 255]), message]),
    );
  });

  it('R9: the payload is opaque: any bytes pass, CBOR or not', async () => {
    const [a, b] = await subscribers(2);
    for (const payload of [Buffer.from('ff', 'hex'), Buffer.from('{"sdp":'), Buffer.from('00'.repeat(64), 'hex')]) {
      const message = a.relay(topic, payload);
      expect(await b.next()).toEqual(message);
    }
  });

  it("two subscribers that send at the same time each receive the other's message", async () => {
    const [a, b] = await subscribers(2);
    const fromA = a.relay(topic, 'offer');
    const fromB = b.relay(topic, 'answer');
    expect(await Promise.all([a.next(), b.next()])).toEqual([fromB, fromA]);
  });

  it('a thousand subscribers each receive a message once', async () => {
    const peers = await subscribers(1000);
    const message = peers[0].relay(topic, 'to all');
    await settle([peers[0]], peers);
    expect(peers[0].received).toEqual([]);
    expect(peers.slice(1).every((peer) => peer.received.length === 1 && peer.received[0].equals(message))).toBe(true);
    for (const peer of peers) peer.socket.terminate();
    await Promise.all(peers.map((peer) => peer.closed));
  });

  it('a message that comes after half of another one waits for the rest', async () => {
    const [a, b] = await subscribers(2);
    const message = relayMessage(topic, Buffer.alloc(200));
    const frame = clientFrame(0x82, message);
    a.tcp.write(frame.subarray(0, 50));
    await b.sync();
    a.tcp.write(frame.subarray(50));
    await once(b.socket, 'message');
    expect(b.received).toEqual([message]);
  });

  it.each([1, 3])(
    'R5: messages of all sizes reach %i subscribers once, in order and byte for byte',
    async (howMany) => {
      const [sender, ...receivers] = await subscribers(1 + howMany);
      // Around the size up to which frames share memory, the largest that a message may have, and several to a read.
      const sizes = [1, 600, 4000, 4010, 5000, 20_000, 65_000, 65_400];
      const sent: Buffer[] = [];
      for (let round = 0; round < 20; round++) {
        for (const size of sizes) sent.push(sender.relay(topic, Buffer.alloc(size, round * 8 + size)));
      }
      for (const receiver of receivers) {
        await until(() => receiver.received.length >= sent.length);
        expect(Buffer.concat(receiver.received).equals(Buffer.concat(sent))).toBe(true);
      }
      expect(sender.received).toEqual([]);
    },
  );

  it('R5: large messages that wait for a slow peer are not changed by those for others', async () => {
    const pairs: { sender: Peer; receiver: Peer; topic: string; sent: Buffer[] }[] = [];
    for (let i = 0; i < 2; i++) {
      const [sender, receiver] = await subscribers(2);
      pairs.push({ sender, receiver, topic, sent: [] });
    }
    const [slow, quick] = pairs;
    slow.receiver.socket.pause();
    let more = 20;
    await until(
      () => more === 0,
      async () => {
        for (const { sender, topic: of, sent } of pairs) {
          for (let i = 0; i < 8; i++) sent.push(sender.relay(of, Buffer.alloc(60_000, sent.length)));
        }
        await settle([slow.sender, quick.sender], [quick.receiver]);
        if (running.held.buffered.total > 0) more -= 1;
      },
    );
    slow.receiver.socket.resume();
    for (const { receiver, sent } of pairs) {
      await until(() => receiver.received.length >= sent.length);
      expect(Buffer.concat(receiver.received).equals(Buffer.concat(sent))).toBe(true);
    }
  });
});
