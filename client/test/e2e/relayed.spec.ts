import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RTCPeerConnection } from 'werift';
import { WebSocket } from 'ws';
import { Coturn, describeWithCoturn } from '../../../test/support/coturn.js';
import { startServer, stopServers } from '../../../test/support/server.js';
import { connect } from '../../src/index.js';
import { connectPeer } from '../../src/rtc.js';
import type { Signal } from '../../src/index.js';
import type { PeerOptions } from '../../src/rtc.js';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';

/** WebRTC in JavaScript, which has what the client uses of the browser's. */
const Werift = RTCPeerConnection as unknown as NonNullable<PeerOptions['RTCPeerConnection']>;

describeWithCoturn('two peers in Node that may use nothing but the relay of the server', () => {
  let folder: string;
  let signals: Signal[];
  let connections: globalThis.RTCPeerConnection[];

  beforeEach(() => {
    [signals, connections] = [[], []];
    folder = mkdtempSync(join(tmpdir(), 'cairn-signal-relayed-'));
    writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
  });
  afterEach(async () => {
    for (const connection of connections) connection.close();
    for (const signal of signals) signal.close();
    await stopServers();
    await Coturn.stopAll();
    rmSync(folder, { recursive: true });
  });

  /** What comes through the channel, and the kinds of the candidates. */
  async function meet(url: string): Promise<[heard: unknown, kinds: Set<string>]> {
    const signal = connect(url, { WebSocket });
    signals.push(signal);
    const secret = Buffer.alloc(32, 7);
    const config = { iceTransportPolicy: 'relay' } as const;
    const { channel, connection } = await connectPeer(signal, { secret, config, RTCPeerConnection: Werift });
    connections.push(connection);
    const came = new Promise((resolve) => {
      channel.addEventListener('message', ({ data }) => resolve(data));
    });
    channel.send('through the relay');
    const heard = await came;
    const stats: { type: string; candidateType: string }[] = [...(await connection.getStats()).values()];
    const candidates = stats.filter(({ type }) => /^(?:local|remote)-candidate$/.test(type));
    return [heard, new Set(candidates.map(({ candidateType }) => candidateType))];
  }

  it('open a data channel', async () => {
    const coturn = await Coturn.start({ secrets: [SECRET], lines: ['allow-loopback-peers', 'cli-password=unused'] });
    const { url } = await startServer({
      turnUrls: `turn:${coturn.address}:${coturn.port}`,
      turnSecretFile: join(folder, 'secret'),
      turnOpen: 'on',
    });
    const met = await Promise.all([meet(url), meet(url)]);
    expect(met).toEqual([
      ['through the relay', new Set(['relay'])],
      ['through the relay', new Set(['relay'])],
    ]);
  });
});
