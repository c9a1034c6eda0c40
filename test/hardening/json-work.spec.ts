import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Connection } from '../../src/connection/connection.js';
import { parseRendezvousMessage } from '../../src/protocol/rendezvous-message.js';

import { CborCodec } from '../../src/transport/cbor-codec.js';
import { startServer, stopServers } from '../support/server.js';

/**
 * JSON in its slow forms, each as long as `max-message-bytes` allows. `JSON.parse` makes values of everything, needed
 * or not: 64 KiB of objects, each with a field of a new name, took it 10 ms, so one connection at the default rate
 * would need twice the available time. So `JSON.parse` only gets the strings that are needed, and the rest is scanned
 * byte by byte. That still takes longer than CBOR, so long JSON counts as several messages.
 */
describe('work for JSON', () => {
  const MOST = 65_536;
  /** How often one byte may be looked at. */
  const LOOKS = 12;
  let parsed: string[];

  beforeEach(() => {
    parsed = [];
    const { parse } = JSON;
    jest.spyOn(JSON, 'parse').mockImplementation((text: string, ...rest) => {
      parsed.push(text);
      return parse(text, ...rest) as unknown;
    });
  });
  afterEach(() => void jest.restoreAllMocks());
  afterEach(stopServers);

  /** The message as it is read, and how often its bytes were looked at. */
  function read(text: string): { message: unknown; looks: number } {
    const json = Buffer.from(text);
    expect(json.length).toBeLessThanOrEqual(MOST);
    let looks = 0;
    const watched = new Proxy(json, {
      get: (_json, key) => {
        if (key === 'length') return json.length;
        if (typeof key === 'string' && /^\d+$/.test(key)) looks += 1;
        if (key !== 'toString') return Reflect.get(json, key) as unknown;
        return (encoding: BufferEncoding, from = 0, to = json.length) => {
          looks += to - from;
          return json.toString(encoding, from, to);
        };
      },
    });
    return { message: parseRendezvousMessage(watched), looks };
  }

  /** As many items as fit, all different if `item` makes them so. */
  function filled(head: string, item: (i: number) => string, tail: string, separator = ','): string {
    let text = head + item(0);
    for (let i = 1; text.length + separator.length + item(i).length + tail.length <= MOST; i++) {
      text += separator + item(i);
    }
    return text + tail;
  }

  const QUERY = '{"type":"query","topic":"t"';

  it.each([
    ['objects, each with a new field name', filled(`${QUERY},"x":[`, (i) => `{"${i.toString(36)}":1}`, ']}')],
    ['fields with different names', filled(QUERY + ',', (i) => `"k${i.toString(36)}":1`, '}')],
    ['fields with the same name', filled(QUERY + ',', () => '"":1', '}')],
    ['fields with numbers as names', filled(QUERY + ',', (i) => `"${(i * 65_536) % 4_294_967_291}":0`, '}')],
    ['names that begin like the known ones', filled(QUERY + ',', () => '"addresse":1', '}')],
    ['escaped names', filled(QUERY + ',', () => '"\\u0074\\u0079\\u0070\\u0065s":1', '}')],
    ['nested lists', `${QUERY},"x":${'['.repeat(32_000)}${']'.repeat(32_000)}}`],
    ['nested objects', `${QUERY},"x":${'{"":'.repeat(13_000)}1${'}'.repeat(13_000)}}`],
    ['numbers', filled(`${QUERY},"x":[`, () => '1', ']}')],
    ['infinite numbers', filled(`${QUERY},"x":[`, () => '1e999999', ']}')],
    ['one number', `${QUERY},"x":${'9'.repeat(65_000)}}`],
    ['one exponent', `${QUERY},"x":1e${'9'.repeat(65_000)}}`],
    ['words', filled(`${QUERY},"x":[`, () => 'null', ']}')],
    ['strings', filled(`${QUERY},"x":[`, () => '""', ']}')],
    ['escapes', `${QUERY},"x":"${'\\u0000'.repeat(10_900)}"}`],
    ['space', filled(`${QUERY},"x":[ `, () => '1', ' ]}', ' \n\t , ')],
    ['a type repeated over and over', filled(QUERY + ',', () => '"type":"query"', '}')],
  ])('J7: %s that a query does not need: scanned, and no values are made', (_what, text) => {
    const { message, looks } = read(text);
    expect(message).toEqual({ type: 'query', topic: 't' });
    expect(looks).toBeLessThan(LOOKS * text.length);
    expect(parsed).toEqual([]);
  });

  it.each([
    ['lists', '['.repeat(MOST)],
    ['closed lists', '['.repeat(MOST / 2) + ']'.repeat(MOST / 2)],
    ['objects in a list', filled('[', (i) => `{"${i.toString(36)}":1}`, ']')],
    ['a string', `"${'x'.repeat(65_000)}"`],
  ])('J7: %s in place of an object: not scanned', (_what, text) => {
    expect(read(text)).toMatchObject({ message: undefined });
    expect(read(text).looks).toBeLessThan(LOOKS);
    expect(parsed).toEqual([]);
  });

  it('J7: of 20,000 addresses only enough are made to see that they are too many', () => {
    const text = filled('{"type":"announce","topic":"t","addresses":[', () => '""', ']}');
    const { message, looks } = read(text);
    expect((message as { addresses: string[] }).addresses).toEqual(Array<string>(1025).fill(''));
    expect(looks).toBeLessThan(2 * LOOKS * text.length);
    expect(parsed.map((json) => json.length)).toEqual([2 + 1025 * 3 - 1]);
  });

  it('J7: a list of 20,000 addresses with one that is not a string is malformed, and no values are made', () => {
    const text = filled('{"type":"announce","topic":"t","addresses":[', () => '""', ',1]}');
    expect(read(text).message).toEqual({ type: 'malformed', topic: 't', fault: 'addresses must be a list of strings' });
    expect(parsed).toEqual([]);
  });

  it.each([
    [16_383, 0],
    [16_384, 1],
    [65_536, 4],
  ])('L1: a text of %d bytes counts as %d more messages, whatever is in it', async (bytes, more) => {
    const codec = (await startServer()).server.app.get(CborCodec, { strict: false });
    let charged = 0;
    const connection = {
      charge: (messages: number) => void (charged += messages),
      send: () => true,
    } as Partial<Connection> as Connection;
    for (const text of ['x'.repeat(bytes), '{"x":"'.padEnd(bytes - 2, 'x') + '"}']) {
      codec.deliver(connection, 'text', Buffer.from(text));
    }
    expect(charged).toBe(2 * more);
  });
});
