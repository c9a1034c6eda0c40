import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Peer, settle } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';

interface Vector {
  readonly name: string;
  readonly in: string;
  readonly out: string | null;
}

const { vectors } = JSON.parse(readFileSync(new URL('../vectors/relay-frames.json', import.meta.url), 'utf8')) as {
  vectors: Vector[];
};

/** The topics that the vectors name, and those that a reader would see in their invalid UTF-8 if it did not check. */
const TOPICS = ['t', 'tt', '', '\0', '\ufffd', '\ufffd'.repeat(2), '\ufffd'.repeat(3)];

describe('conformance: what the reference forwards of each frame', () => {
  let a: Peer;
  let b: Peer;

  beforeAll(async () => {
    const { url } = await startServer();
    [a, b] = await Promise.all([Peer.connect(url), Peer.connect(url)]);
    for (const topic of TOPICS) b.subscribe(topic);
    await b.sync();
  });
  afterAll(stopServers);

  it('has all 116 vectors', () => {
    expect(vectors).toHaveLength(116);
  });

  it.each(vectors.map((vector) => [vector.name, vector] as const))('R4/R6: %s', async (_name, vector) => {
    a.send(Buffer.from(vector.in, 'hex'));
    await settle([a], [b]);
    const forwarded = b.received.splice(0).map((message) => message.toString('hex'));
    expect(forwarded).toEqual(vector.out === null ? [] : [vector.out]);
    expect(a.socket.readyState).toBe(a.socket.OPEN);
  });
});
