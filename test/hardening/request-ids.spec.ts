import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { encode, V2Peer } from '../support/v2-peer.js';
import type { FromServer } from '../support/v2-peer.js';

/** Ids of requests that an honest peer does not send. Each request is answered once; a bad id is not repeated. */
describe('ids of requests', () => {
  let running: RunningServer;
  let peer: V2Peer;

  beforeAll(async () => {
    running = await startServer({ maxMessagesPerSecond: 0, drainTimeout: '0s' }, 'off');
    peer = await V2Peer.connect(running.url);
  });
  afterAll(stopServers);

  /** `{ "Ping": { "id": ... } }` with an id in these bytes. */
  const ping = (id: string): Buffer => Buffer.from(`a16450696e67a1626964${id}`, 'hex');
  const MALFORMED = { Error: { code: 'malformed', message: expect.any(String) } };

  async function answers(...frames: readonly Buffer[]): Promise<FromServer[]> {
    for (const frame of frames) peer.send(frame);
    const heard = await peer.heard();
    expect(await peer.answer({ Ping: {} })).toHaveProperty('Pong');
    return heard;
  }

  it.each([
    ['0', '00', 0],
    ['23', '17', 23],
    ['24', '1818', 24],
    ['2^32-1', '1affffffff', 2 ** 32 - 1],
    ['2^32', '1b0000000100000000', 2 ** 32],
    ['2^53-1', '1b001fffffffffffff', 2 ** 53 - 1],
    ['1 with the longest head', '1b0000000000000001', 1],
    ['1 as a big number', 'c24101', 1],
  ])('%s is an id', async (_what, hex, id) => {
    expect(await answers(ping(hex))).toEqual([{ Pong: { id } }]);
  });

  it.each([
    ['2^53', '1b0020000000000000'],
    ['2^64-1', '1bffffffffffffffff'],
    ['-1', '20'],
    ['-2^64', '3bffffffffffffffff'],
    ['1.0 as a half float', 'f93c00'],
    ['1.0 as a double', 'fb3ff0000000000000'],
    ['infinity', 'f97c00'],
    ['not a number', 'f97e00'],
    ['text', '6131'],
    ['bytes', '4101'],
    ['a list', '8101'],
    ['a map', 'a0'],
    ['true', 'f5'],
    ['a big number of 2^64', 'c249010000000000000000'],
    ['an unassigned simple value', 'f0'],
  ])('%s is none: malformed, without an id', async (_what, hex) => {
    expect(await answers(ping(hex))).toEqual([MALFORMED]);
  });

  it.each([
    ['null', 'f6'],
    ['undefined', 'f7'],
  ])('%s counts as absent', async (_what, hex) => {
    expect(await answers(ping(hex))).toEqual([{ Pong: {} }]);
  });

  it('V2: the same id a hundred times is answered a hundred times, in order', async () => {
    const id = 7;
    for (let i = 0; i < 25; i++) {
      peer.tell({ Subscribe: { topic: `t${i}`, id } });
      peer.tell({ Relay: { topic: `t${i}`, payload: Buffer.from('x'), id } });
      peer.tell({ Ping: { id } });
      peer.tell({ Unsubscribe: { topic: `t${i}`, id } });
    }
    const each = [{ Ack: { id } }, { Ack: { id, to: 0 } }, { Pong: { id } }, { Ack: { id } }];
    expect(await peer.heard()).toEqual(Array.from({ length: 25 }, () => each).flat());
  });

  it('V2: without ids nothing but failures is answered, and a good id is in each failure', async () => {
    const long = 'x'.repeat(257);
    for (const id of [undefined, 2 ** 53 - 1]) {
      peer.tell({ Subscribe: { topic: long, id } });
      peer.tell({ Relay: { topic: 'nobody', payload: Buffer.from('x') } });
      peer.tell({ Relay: { topic: 'nobody', payload: Buffer.from('x'), id, to: Buffer.alloc(7) } });
      peer.send(encode({ Nonsense: { id } } as never));
    }
    const codes = ['topic_too_long', 'malformed', 'unsupported'];
    const heard = await peer.heard();
    expect(heard.map(({ Error: error }) => error?.code)).toEqual([...codes, ...codes]);
    expect(heard.map(({ Error: error }) => error?.id)).toEqual([
      ...Array.from({ length: 3 }),
      ...Array.from({ length: 3 }, () => 2 ** 53 - 1),
    ]);
  });

  it('V2: twenty thousand requests are answered, each once', async () => {
    const other = await V2Peer.connect(running.url);
    for (let i = 0; i < 200; i++) {
      for (let j = 0; j < 100; j++) other.tell({ Ping: { id: 100 * i + j } });
      const heard = await other.heard();
      expect([heard.length, heard.at(-1)]).toEqual([100, { Pong: { id: 100 * i + 99 } }]);
    }
    await other.close();
  });
});
