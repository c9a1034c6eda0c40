import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SUBPROTOCOL_V2 } from '../../src/protocol/subprotocol.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer, cbor, settle } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { filled, matching, vectors, welcome } from '../support/v2-vectors.js';
import type { Ids, V2Vector, VectorMessage } from '../support/v2-vectors.js';

/** Does with a server of ours what test/vectors/v2.json tells other servers to do. */
describe('V1-V8: the vectors of cairn-signal.v2, over sockets', () => {
  let running: RunningServer;
  let b: Peer;
  let c: Peer;
  /** The ids of B and C. */
  const known: Ids = new Map();

  beforeAll(async () => {
    // With a clock that stands, no Members come but those that a vector asks for.
    running = await startServer({ maxMessagesPerSecond: 0 }, 'off', new ManualClock());
    c = await Peer.connect(running.url);
    c.subscribe('t');
    await c.sync();
    b = await Peer.connect(running.url, { protocols: [SUBPROTOCOL_V2] });
    expect(matching(welcome, await b.next(), new Map())).not.toBe(welcome);
    b.send(cbor.encode({ Subscribe: { topic: 't', presence: true } }));
    await b.sync();
    const [{ Members: members }] = b.received.splice(0).map((message) => cbor.decode(message) as Told);
    known.set('B', members.self.toString('hex')).set('C', members.joined[0].id.toString('hex'));
    b.send(cbor.encode({ Subscribe: { topic: 't', presence: false } }));
    await b.sync();
  });
  afterAll(stopServers);

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
    const a = await Peer.connect(running.url, { protocols: [SUBPROTOCOL_V2] });
    try {
      await play(vector, a);
      expect(a.isOpen).toBe(true);
    } finally {
      await a.close();
      await until(() => running.connections.size === 2);
    }
  });

  async function play(vector: V2Vector, a: Peer): Promise<void> {
    const first = await a.next();
    expect(matching(welcome, first, new Map())).toBe(first.toString('hex'));
    const ids: Ids = new Map(known);
    for (const message of vector.in) {
      a.send(typeof message === 'string' ? filled(message, ids) : message.text);
      await settle([a], [b, c]);
      learn(vector, a, ids);
    }
    compare(vector.out, a, ids);
    compare(vector.b, b, ids);
    compare(vector.c, c, ids);
  }
});

interface Told {
  readonly Members: { readonly self: Buffer; readonly joined: readonly { readonly id: Buffer }[] };
}

/** Learns the id of A from what it was sent so far, if it was. */
function learn({ out }: V2Vector, a: Peer, ids: Ids): void {
  binary(out).forEach((message, i) => i < a.received.length && matching(message, a.received[i], ids));
}

/** Whether a peer has heard that and nothing else since it was asked last. */
function compare(expected: readonly VectorMessage[] = [], peer: Peer, ids: Ids): void {
  const received = peer.received.splice(0);
  const wanted = binary(expected).map((message, i) => (i in received ? matching(message, received[i], ids) : message));
  expect(received.map((message) => message.toString('hex'))).toEqual(wanted);
  const texts = expected
    .filter((message) => typeof message !== 'string')
    .map(({ text }) => JSON.parse(text) as unknown);
  expect(peer.texts.splice(0).map((text) => JSON.parse(text) as unknown)).toEqual(texts);
}

function binary(messages: readonly VectorMessage[]): string[] {
  return messages.filter((message) => typeof message === 'string');
}
