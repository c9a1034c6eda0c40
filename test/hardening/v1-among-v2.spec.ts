import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { cbor, Peer, relayMessage } from '../support/peer.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';

/**
 * A peer of the first version must not notice that others speak the second: what it is sent is compared byte for byte
 * with what it is sent where nobody does.
 */
describe('a v1 peer among v2 peers', () => {
  afterEach(stopServers);

  const TOPICS = ['one', 'two', 'ünïcode', 'x'.repeat(256)];
  /** The frame that ends what is compared. */
  const END = 'the end of the play';
  const SETTINGS = { maxMessagesPerSecond: 0, drainTimeout: '0s', maxConnections: 1500 };

  /** Payloads in order, with those sizes at which heads change. */
  const PAYLOADS = [0, 1, 23, 24, 97, 125, 255, 256, 5000, 40_000].map((size, i) => Buffer.alloc(size, i + 1));

  interface Sender {
    relay(topic: string, payload: Buffer): Promise<unknown>;
  }

  /** A v1 peer of the bare wire, which does all that one can. Returns every byte that it was sent. */
  async function play(running: RunningServer, sender: Sender): Promise<string> {
    const raw = await RawConnection.upgraded(running.port);
    const before = raw.answer.length;
    const say = (message: object): void => raw.write(clientFrame(0x82, cbor.encode(message)));
    let pings = 0;
    /** Everything so far has been read. */
    const sync = async (): Promise<void> => {
      const mark = `mark ${(pings += 1)}`;
      raw.write(clientFrame(0x89, mark));
      await raw.heard(mark);
    };
    for (const topic of TOPICS) say({ Subscribe: { topic } });
    await sync();
    for (const topic of TOPICS) {
      for (const payload of PAYLOADS) {
        // Its own are not sent back, and have no receipt.
        say({ Relay: { topic, payload } });
        await sync();
        await sender.relay(topic, payload);
      }
    }
    // What the second version has, and the first ignores: fields and messages that it does not know.
    say({ Subscribe: { topic: 'one', id: 1, presence: true, data: Buffer.from('x') } });
    for (const unknown of ['Ping', 'Pong', 'IceServers', 'Nothing']) say({ [unknown]: { id: 1 } });
    say({ Relay: { topic: 'one', payload: Buffer.from('x'), id: 1, to: Buffer.alloc(8) } });
    raw.write(clientFrame(0x81, '{"type":"query","topic":"one"}'));
    raw.write(clientFrame(0x81, '{"type":"nothing"}'));
    await sync();
    say({ Unsubscribe: { topic: 'two' } });
    await sync();
    await sender.relay('two', Buffer.from('not for it'));
    await sender.relay('one', Buffer.from(END));
    await raw.heard(END);
    await sync();
    raw.write(clientFrame(0x88, Buffer.from([0x03, 0xe8])));
    if (!raw.socket.destroyed) await once(raw.socket, 'close');
    return raw.answer.slice(before);
  }

  it('gets exactly the bytes that it gets where nobody speaks v2, with 1,000 of them on its topic', async () => {
    const alone = await startServer(SETTINGS, 'off');
    const v1 = await Peer.connect(alone.url);
    const expected = await play(alone, {
      relay: async (topic, payload) => {
        v1.relay(topic, payload);
        await v1.sync();
      },
    });
    expect(expected.length).toBeGreaterThan(TOPICS.length * 45_000);
    await v1.close();
    await alone.close();

    const running = await startServer(SETTINGS, 'off');
    const crowd: V2Peer[] = [];
    while (crowd.length < 1000) {
      crowd.push(...(await Promise.all(Array.from({ length: 50 }, () => V2Peer.connect(running.url)))));
    }
    for (const peer of crowd) await peer.answer({ Subscribe: { topic: 'one', data: Buffer.from('a member') } });
    const [sender, looker] = crowd;
    for (const topic of TOPICS) await Promise.all([sender.look(topic, Buffer.from('sender')), looker.look(topic)]);
    let relays = 0;
    const heard = await play(running, {
      relay: async (topic, payload) => {
        relays += 1;
        // Members flap meanwhile, and write to each other.
        for (const peer of crowd.slice(2, 40)) {
          peer.tell({ Unsubscribe: { topic: 'one' } });
          peer.tell({ Subscribe: { topic: 'one', data: Buffer.from(`${relays}`) } });
        }
        const [{ self }] = [await looker.look('one')];
        await sender.answer({ Relay: { topic: 'one', payload: Buffer.from('for the looker'), to: self } });
        const answer = await sender.answer({ Relay: { topic, payload } });
        expect(answer.Ack!.to).toBeGreaterThan(0);
        await Promise.all(crowd.slice(2, 40).map((peer) => peer.sync()));
        for (const peer of crowd) peer.received.length = 0;
      },
    });
    expect(heard === expected).toBe(true);
  });

  it('V8: sent something alone, it gets a plain Relay', async () => {
    const running = await startServer(SETTINGS, 'off');
    const [sender, v1] = [await V2Peer.connect(running.url), await Peer.connect(running.url)];
    v1.subscribe('t');
    await v1.sync();
    const { joined } = await sender.look('t');
    expect(joined).toEqual([{ id: expect.any(Buffer) }]);
    const answer = await sender.answer({ Relay: { topic: 't', payload: Buffer.from('x'), to: joined![0].id } });
    expect(answer).toMatchObject({ Ack: { to: 1 } });
    await v1.sync();
    expect(v1.received).toEqual([relayMessage('t', 'x')]);
  });

  it('V3: v2 peers see it come and go; it is sent nothing of that', async () => {
    const running = await startServer(SETTINGS, 'off');
    const [looker, v1] = [await V2Peer.connect(running.url), await Peer.connect(running.url)];
    expect((await looker.look('t')).count).toBe(1);
    v1.subscribe('t');
    await v1.sync();
    const { joined, count } = await looker.take('Members');
    expect([count, joined!.map(({ data }) => data)]).toEqual([2, [undefined]]);
    await v1.close();
    expect(await looker.take('Members')).toEqual({ topic: 't', count: 1, left: [joined![0].id] });
    expect([v1.received, v1.texts]).toEqual([[], []]);
    await until(() => running.connections.size === 1);
  });
});
