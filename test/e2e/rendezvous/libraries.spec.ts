import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GoLibrary, PythonLibrary, RustLibrary, TypeScriptLibrary } from '../../support/libraries.js';
import { Peer } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import { eventually } from '../../support/until.js';

let url: string;

beforeAll(async () => {
  ({ url } = await startServer());
});
afterAll(stopServers);

/** Topics as cairn derives them: 32 bytes in hex. */
const newTopic = (): string => randomBytes(32).toString('hex');

/** Resolves when everything that was sent before is handled: a separate connection tells when. */
async function handled(): Promise<void> {
  const witness = await Peer.connect(url);
  await witness.sync();
  await witness.close();
}

/** Asks until something is found, as all libraries do; each round is a full round trip. */
const firstOf = async <T>(ask: () => Promise<T | undefined>): Promise<T> =>
  (await eventually(ask, (value) => value !== undefined)) as T;

describe('the TypeScript library', () => {
  it('J4: finds nothing on an empty topic', async () => {
    const ts = await TypeScriptLibrary.connect(url);
    expect(await ts.query(newTopic())).toBeNull();
  });

  it('J4: does not find itself', async () => {
    const [ts, topic] = [await TypeScriptLibrary.connect(url), newTopic()];
    ts.publish(topic, Buffer.from('me'));
    expect(await ts.query(topic)).toBeNull();
  });

  it('keeps its connection over many publications and queries', async () => {
    const [a, b] = [await TypeScriptLibrary.connect(url), await TypeScriptLibrary.connect(url)];
    for (let i = 0; i < 20; i++) {
      const topic = newTopic();
      a.publish(topic, Buffer.from(`a${i}`));
      b.publish(topic, Buffer.from(`b${i}`));
      expect(String(await firstOf(async () => (await a.query(topic)) ?? undefined))).toBe(`b${i}`);
      expect(String(await firstOf(async () => (await b.query(topic)) ?? undefined))).toBe(`a${i}`);
    }
  });
});

describe('the Go library', () => {
  it('is found although it closes immediately after announcing', async () => {
    const [go, topic] = [new GoLibrary(url), newTopic()];
    const reachability = randomBytes(64);
    await go.announce(topic, reachability);
    expect(await firstOf(async () => (await new GoLibrary(url).query(topic))[0])).toEqual(reachability);
  });

  it('J4: gets an answer that fits one read, however many records there are', async () => {
    const topic = newTopic();
    const own = Array.from({ length: 16 }, () => randomBytes(200));
    for (const reachability of own) await new PythonLibrary(url).announce(topic, [reachability.toString('hex')]);
    const found = await new GoLibrary(url).query(topic);
    expect(found.length).toBeGreaterThan(5);
    expect(found).toEqual(own.toReversed().slice(0, found.length));
  });

  it('J5: drops addresses that are not hex and keeps those that are', async () => {
    const topic = newTopic();
    await new PythonLibrary(url).announce(topic, ['quic://192.0.2.1:4433', 'c0ffee']);
    expect(await new GoLibrary(url).query(topic)).toEqual([Buffer.from('c0ffee', 'hex')]);
  });
});

describe('the Python library', () => {
  it('J3: gets its answer immediately when it announces', async () => {
    expect(await new PythonLibrary(url).announce(newTopic(), ['quic://192.0.2.1:4433'])).toBe('ack');
  });

  it('J4: reads a peer id of every peer it finds, even of one that gave none', async () => {
    const topic = newTopic();
    const other = new PythonLibrary(url);
    await other.announce(topic, ['quic://192.0.2.1:4433', 'tcp://192.0.2.1:9000']);
    await new GoLibrary(url).announce(topic, Buffer.from('go'));
    await handled();
    expect(await new PythonLibrary(url).query(topic)).toEqual([
      { peerId: Buffer.alloc(0), addresses: [Buffer.from('go').toString('hex')] },
      { peerId: other.peerId, addresses: ['quic://192.0.2.1:4433', 'tcp://192.0.2.1:9000'] },
    ]);
  });

  it('J1: is found once, however often it announces', async () => {
    const [python, topic] = [new PythonLibrary(url), newTopic()];
    for (let i = 0; i < 20; i++) await python.announce(topic, [`tcp://192.0.2.1:${i}`]);
    expect(await new PythonLibrary(url).query(topic)).toEqual([
      { peerId: python.peerId, addresses: ['tcp://192.0.2.1:19'] },
    ]);
  });
});

describe('every language finds every other (J5)', () => {
  const BYTES = Buffer.from('where I am: 192.0.2.7');
  const ADDRESS = 'quic://192.0.2.7:4433';

  /** Leaves a record on a topic, as the language does. */
  const leave = {
    TypeScript: async (topic: string) => (await TypeScriptLibrary.connect(url)).publish(topic, BYTES),
    Rust: async (topic: string) => (await RustLibrary.connect(url)).publish(topic, BYTES),
    Go: (topic: string) => new GoLibrary(url).announce(topic, BYTES),
    Python: async (topic: string) => void (await new PythonLibrary(url).announce(topic, [ADDRESS])),
    'Python, by an address in hex': async (topic: string) =>
      void (await new PythonLibrary(url).announce(topic, [BYTES.toString('hex')])),
  };
  /** What the language makes of what it finds, as text; undefined while it finds nothing. */
  const find = {
    TypeScript: async (topic: string) => (await (await TypeScriptLibrary.connect(url)).query(topic))?.toString(),
    Go: async (topic: string) => (await new GoLibrary(url).query(topic))[0]?.toString(),
    Python: async (topic: string) => (await new PythonLibrary(url).query(topic))[0]?.addresses[0],
  };
  const HEX = BYTES.toString('hex');
  const pairs: [keyof typeof find, keyof typeof leave, string][] = [
    ['TypeScript', 'TypeScript', String(BYTES)],
    ['TypeScript', 'Rust', String(BYTES)],
    ['TypeScript', 'Go', String(BYTES)],
    ['TypeScript', 'Python', ADDRESS],
    ['TypeScript', 'Python, by an address in hex', String(BYTES)],
    ['Go', 'TypeScript', String(BYTES)],
    ['Go', 'Rust', String(BYTES)],
    ['Go', 'Go', String(BYTES)],
    ['Go', 'Python, by an address in hex', String(BYTES)],
    ['Python', 'TypeScript', HEX],
    ['Python', 'Rust', HEX],
    ['Python', 'Go', HEX],
    ['Python', 'Python', ADDRESS],
    ['Python', 'Python, by an address in hex', HEX],
  ];

  it.each(pairs)('%s finds %s', async (finder, leaver, expected) => {
    const topic = newTopic();
    await leave[leaver](topic);
    expect(await firstOf(() => find[finder](topic))).toBe(expected);
  });

  it('Go does not find Python without an address in hex', async () => {
    const topic = newTopic();
    await leave.Python(topic);
    expect(await new GoLibrary(url).query(topic)).toEqual([]);
  });
});
