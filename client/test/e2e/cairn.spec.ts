import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { startServer, stopServers } from '../../../test/support/server.js';
import type { RunningServer } from '../../../test/support/server.js';
import { until } from '../../../test/support/until.js';
import { CairnDiscovery, rendezvousTopics } from '../../src/cairn.js';
import { connect } from '../../src/index.js';
import type { Signal } from '../../src/index.js';
import { FakeServer } from '../support/fake-server.js';
import { bytes } from '../support/watch.js';

const SECRET = new Uint8Array(32).fill(3);

describe('the discovery backend for cairn', () => {
  let server: RunningServer;
  let signals: Signal[] = [];
  const id = { toHex: () => 'ab'.repeat(32) };

  function backend(): CairnDiscovery {
    const signal = connect(server.url, { WebSocket, token: 'tok~en' });
    signals.push(signal);
    return new CairnDiscovery(signal);
  }

  beforeEach(async () => {
    server = await startServer({ authToken: 'tok~en' });
  });
  afterEach(async () => {
    for (const signal of signals) signal.close();
    signals = [];
    await stopServers();
  });

  it('finds what another one published, for as long as that is there', async () => {
    const [one, other] = [backend(), backend()];
    expect(one.name).toBe('cairn-signal');
    expect(await other.query(id)).toBeNull();
    await one.publish(id, bytes('here'));
    await until(async () => (await other.query(id)) !== null);
    expect(await other.query(id)).toEqual(bytes('here'));
    expect(await one.query(id)).toBeNull();
    await one.publish(id, bytes('elsewhere'));
    await until(async () => String(await other.query(id)) === String(bytes('elsewhere')));
    await one.stop();
    await until(async () => (await other.query(id)) === null);
    await one.publish(id, bytes('again'));
    expect(await backend().query(id)).toEqual(bytes('again'));
  });

  it('finds what a published library has left', async () => {
    const socket = new WebSocket(server.url, { headers: { authorization: 'Bearer tok~en' } });
    await new Promise((resolve) => socket.once('open', resolve));
    const payload = Buffer.from('of cairn-p2p').toString('base64');
    socket.send(JSON.stringify({ type: 'publish', topic: id.toHex(), payload }));
    await new Promise((resolve) => socket.once('message', resolve));
    expect(await backend().query(id)).toEqual(bytes('of cairn-p2p'));
    socket.close();
  });

  it('says what cannot be published', async () => {
    await expect(backend().publish(id, new Uint8Array(1025))).rejects.toMatchObject({ code: 'data_too_large' });
  });

  it('needs a server of v2', async () => {
    const old = new FakeServer();
    old.best = 'cairn-signal';
    const signal = connect('ws://old.example.com', { WebSocket: old.WebSocket });
    await expect(new CairnDiscovery(signal).query(id)).rejects.toMatchObject({ code: 'unsupported' });
    signal.close();
  });

  it('is on a bounded number of topics', async () => {
    const one = backend();
    for (let i = 0; i < 66; i++) await one.query({ toHex: () => `topic ${i}` });
    await until(() => server.topics.size <= 64);
    expect(server.topics.size).toBe(64);
  });

  it('derives topics by itself', async () => {
    const { topics, seconds } = await rendezvousTopics(SECRET, 1_800_000_000);
    expect(topics[0]).toMatch(/^[0-9a-f]{64}$/);
    expect((await rendezvousTopics(SECRET, 1_800_000_000 + seconds)).topics).not.toEqual(topics);
    await expect(rendezvousTopics(new Uint8Array(5))).rejects.toMatchObject({ code: 'weak_secret' });
  });
});
