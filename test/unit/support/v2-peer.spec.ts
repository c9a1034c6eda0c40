import { afterEach, describe, expect, it } from '@jest/globals';
import { startWebSockets, stopOddServers } from '../../support/odd-servers.js';
import { cbor } from '../../support/peer.js';
import { Roster } from '../../support/roster.js';
import { decode, encode, V2, V2Peer } from '../../support/v2-peer.js';

const ME = Buffer.from('0101010101010101', 'hex');
const OTHER = Buffer.from('0202020202020202', 'hex');
const WELCOME = {
  Welcome: {
    server: 'a server',
    connection: '1',
    heartbeat: 30_000,
    features: [],
    limits: { message: 1_048_576, topic: 255, topics: 1024, rate: 200, burst: 400, data: 1024, members: 32 },
  },
};

describe('the v2 peer of the tests', () => {
  afterEach(stopOddServers);

  it('reads the form of the CDDL, and no other', () => {
    const good = { Members: { topic: 't', count: 2, self: ME, joined: [{ id: OTHER, data: Buffer.from('x') }] } };
    expect(decode(cbor.encode(good))).toEqual(good);
    const wrong = [
      { Members: { count: 2, topic: 't' } },
      { Members: { topic: 't' } },
      { Members: { topic: 't', count: 2, more: 1 } },
      { Members: { topic: 't', count: 2, self: 'text' } },
      { Members: { topic: 't', count: 2, left: [Buffer.from('short')] } },
      { Members: { topic: 't', count: 2, joined: [{ data: Buffer.from('x'), id: OTHER }] } },
      { Relay: { topic: 't', payload: ME, from: Buffer.from('short') } },
      { Nothing: {} },
      { Ack: { id: 1 }, Pong: {} },
      {},
    ];
    for (const message of wrong) expect(() => decode(cbor.encode(message))).toThrow(Error);
    // {"Ack": {"id": 1}} with a longer head than it needs, and with an indefinite map.
    for (const hex of ['a16341636ba16269641801', 'bf6341636ba162696401ff']) {
      expect(() => decode(Buffer.from(hex, 'hex'))).toThrow('shortest form');
    }
  });

  it.each([
    [2 ** 32 - 1, '1affffffff'],
    [2 ** 32, '1b0000000100000000'],
    [2 ** 53 - 1, '1b001fffffffffffff'],
    [2n ** 53n, '1b0020000000000000'],
  ])('sends %s as an integer', (id, hex) => {
    expect(encode({ Ping: { id } }).toString('hex')).toBe(`a16450696e67a1626964${hex}`);
  });

  it('reads large integers as numbers', () => {
    const ping = { Ping: { id: 2 ** 53 - 1 } };
    expect(decode(encode(ping))).toEqual(ping);
  });

  it('leaves out what is undefined', () => {
    expect(encode({ Ping: { id: undefined } }).toString('hex')).toBe('a16450696e67a0');
  });

  it('answers pings, takes the answer to each request, and refuses a server that selects nothing', async () => {
    const pongs: unknown[] = [];
    const port = await startWebSockets(
      (socket) => {
        socket.send(cbor.encode(WELCOME));
        socket.send(cbor.encode({ Ping: {} }));
        socket.on('message', (message: Buffer) => {
          const asked = cbor.decode(message) as { Pong?: object; Subscribe?: { id: number; topic: string } };
          if (asked.Pong !== undefined) pongs.push(asked);
          if (asked.Subscribe === undefined) return;
          socket.send(cbor.encode({ Members: { topic: 't', count: 1, self: ME, joined: [] } }));
          socket.send(cbor.encode({ Ack: { id: asked.Subscribe.id } }));
          socket.close(1000);
        });
      },
      { handleProtocols: (offered) => (offered.has(V2) ? V2 : false) },
    );
    const peer = await V2Peer.connect(`ws://127.0.0.1:${port}`);
    expect(peer.welcome).toEqual(WELCOME.Welcome);
    expect(await peer.ask({ Subscribe: { topic: 't', presence: true } })).toEqual([
      { Members: { topic: 't', count: 1, self: ME, joined: [] } },
      { Ack: { id: 1 } },
    ]);
    expect([pongs, peer.pingsHeard]).toEqual([[{ Pong: {} }], 1]);
    await expect(peer.hear()).rejects.toThrow('closed with 1000');
    await expect(peer.hear()).rejects.toThrow('closed with 1000');
    await expect(V2Peer.connect(`ws://127.0.0.1:${port}`, { protocols: [] })).rejects.toThrow('selected ""');
  });
});

describe('what a member believes', () => {
  it('follows lists, changes and counts', () => {
    const roster = new Roster();
    roster.apply({ topic: 't', count: 2, self: ME, joined: [{ id: OTHER }] });
    expect([roster.self, roster.ids]).toEqual([ME.toString('hex'), [OTHER.toString('hex')]]);
    roster.apply({ topic: 't', count: 2, joined: [{ id: OTHER, data: Buffer.from('x') }] });
    expect(roster.members?.get(OTHER.toString('hex'))).toEqual(Buffer.from('x'));
    roster.apply({ topic: 't', count: 1, left: [OTHER] });
    expect(roster.ids).toEqual([]);
    roster.apply({ topic: 't', count: 40 });
    expect([roster.count, roster.ids]).toEqual([40, undefined]);
    expect(() => roster.apply({ topic: 't', count: 39, left: [OTHER] })).toThrow('does not know');
    roster.apply({ topic: 't', count: 1, self: ME, joined: [] });
    expect(() => roster.apply({ topic: 't', count: 0, left: [OTHER] })).toThrow('was not there');
    expect(() => roster.apply({ topic: 't', count: 9, joined: [{ id: OTHER }] })).toThrow('told 9 members');
    expect(() => roster.apply({ topic: 't', count: 2, joined: [{ id: ME }] })).toThrow('its own joined');
    expect(roster.apply({ topic: 't', count: 9, joined: [], partial: true }).partial).toBe(true);
  });
});
