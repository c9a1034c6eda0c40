import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Peer, relayMessage, settle } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { clientFrame } from '../support/client-frame.js';
import { until } from '../support/until.js';

describe('the WebSocket level', () => {
  let running: RunningServer;

  beforeAll(async () => {
    running = await startServer({ maxMessageBytes: 2048 });
  });
  afterAll(stopServers);

  it.each(['/', '/signal', '/a/b?c=d', '/health', '//'])('any path upgrades: %s', async (path) => {
    const peer = await Peer.connect(running.url + path);
    expect((await peer.close()).code).toBe(1000);
  });

  it('a ping is answered with its own data', async () => {
    const peer = await Peer.connect(running.url);
    const answers: string[] = [];
    peer.socket.on('pong', (data) => answers.push(data.toString()));
    for (const data of ['', 'one', 'x'.repeat(125)]) peer.socket.ping(data);
    await peer.sync();
    expect(answers.slice(0, 3)).toEqual(['', 'one', 'x'.repeat(125)]);
  });

  it('text messages are ignored, as by the reference', async () => {
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    b.subscribe('text');
    await b.sync();
    a.send('{"type":"nothing we know"}');
    a.send(relayMessage('text', 'x').toString('latin1'));
    const message = a.relay('text', 'after');
    await settle([a], [a, b]);
    expect(b.received).toEqual([message]);
    expect([...a.texts, ...b.texts]).toEqual([]);
  });

  it('no extension is negotiated, even if offered', async () => {
    const peer = await Peer.connect(running.url, { perMessageDeflate: true });
    expect(peer.socket.extensions).toBe('');
  });

  it.each([
    [[], ''],
    [['cairn-signal'], 'cairn-signal'],
    [['other', 'cairn-signal', 'more'], 'cairn-signal'],
  ])('of the subprotocols %j it selects %j', async (protocols, selected) => {
    const peer = await Peer.connect(running.url, { protocols });
    expect(peer.socket.protocol).toBe(selected);
  });

  it("only the server's own subprotocol is selected", async () => {
    // A client of `ws` fails if none of its offers is taken, which is what this asserts.
    await expect(Peer.connect(running.url, { protocols: ['chat', 'bearer.c2VjcmV0'] })).rejects.toThrow(
      'Server sent no subprotocol',
    );
  });

  it('1000: the closing handshake is completed', async () => {
    const peer = await Peer.connect(running.url);
    expect(await peer.close()).toEqual({ code: 1000, reason: "closed at the peer's request" });
  });

  it("1000: the peer's own code and reason are echoed", async () => {
    const peer = await Peer.connect(running.url);
    peer.socket.close(4321, 'moving on');
    expect(await peer.closed).toEqual({ code: 4321, reason: 'moving on' });
  });

  it.each([1002, 1007, 1008, 1009])('a peer that closes with %d itself is not blamed for it', async (code) => {
    const peer = await Peer.connect(running.url);
    peer.tcp.write(clientFrame(0x88, Buffer.from([code >> 8, code & 255])));
    expect(await peer.closed).toEqual({ code, reason: "closed at the peer's request" });
  });

  it('1002: broken framing', async () => {
    const peer = await Peer.connect(running.url);
    peer.tcp.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
    expect(await peer.closed).toEqual({ code: 1002, reason: 'broken WebSocket framing' });
  });

  it('1002: an unmasked frame', async () => {
    const peer = await Peer.connect(running.url);
    peer.tcp.write(Buffer.from([0x82, 0x01, 0xff]));
    expect((await peer.closed).code).toBe(1002);
  });

  it('1007: a text message that is not UTF-8', async () => {
    const peer = await Peer.connect(running.url);
    peer.tcp.write(clientFrame(0x81, Buffer.from([0xff])));
    expect(await peer.closed).toEqual({ code: 1007, reason: 'text that is not UTF-8' });
  });

  it('1008: a message in too many fragments', async () => {
    const peer = await Peer.connect(running.url);
    const empty = clientFrame(0x00, Buffer.alloc(0));
    peer.tcp.write(Buffer.concat([clientFrame(0x02, Buffer.alloc(0)), ...Array.from({ length: 4096 }, () => empty)]));
    expect(await peer.closed).toEqual({ code: 1008, reason: 'message in more than 4096 pieces' });
  });

  it('1009: a message of max-message-bytes passes; one byte more closes with a reason that names the setting', async () => {
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    b.subscribe('big');
    await b.sync();
    const frameBytes = relayMessage('big', '').length;
    const most = relayMessage('big', Buffer.alloc(2048 - frameBytes - 2));
    expect(most).toHaveLength(2048);
    a.send(most);
    expect(await b.next()).toEqual(most);

    a.send(Buffer.alloc(2049));
    expect(await a.closed).toEqual({ code: 1009, reason: 'message over 2048 bytes; the setting is max-message-bytes' });
    await b.sync();
    expect(b.socket.readyState).toBe(b.socket.OPEN);
  });

  it('1009: fragments count together', async () => {
    const peer = await Peer.connect(running.url);
    peer.socket.send(Buffer.alloc(1025), { fin: false });
    peer.socket.send(Buffer.alloc(1024), { fin: true });
    expect((await peer.closed).code).toBe(1009);
  });

  it('1009: a claimed length is refused before its bytes come', async () => {
    const peer = await Peer.connect(running.url);
    peer.tcp.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    expect((await peer.closed).code).toBe(1009);
  });

  it('a peer that vanishes without a close frame is forgotten', async () => {
    const peer = await Peer.connect(running.url);
    peer.subscribe('gone');
    await peer.sync();
    const { topics } = running;
    peer.socket.terminate();
    await peer.closed;
    // Another peer's round trips give the server time to see it.
    const other = await Peer.connect(running.url);
    await until(
      () => [...topics.subscribers('gone')].length === 0,
      () => other.sync(),
    );
    expect([...topics.subscribers('gone')]).toEqual([]);
  });
});
