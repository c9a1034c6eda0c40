import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApp } from '../../src/app.js';
import { parseSettings } from '../../src/config/load-settings.js';
import { ConnectionCounts } from '../../src/metrics/connection-counts.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { HeldStream } from '../support/held-stream.js';
import { Peer } from '../support/peer.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

describe('TLS', () => {
  let certificates: Certificates;
  let running: RunningServer;

  beforeAll(async () => {
    certificates = await makeCertificates();
    running = await startServer({ tlsCert: certificates.chain, tlsKey: certificates.key, handshakeTimeout: '300ms' });
  });
  afterAll(async () => {
    await stopServers();
    certificates.remove();
  });

  /** A peer, and the stream below its TLS. */
  async function heldPeer(): Promise<{ peer: Peer; stream: HeldStream }> {
    const stream = new HeldStream(connectTcp(running.port, '127.0.0.1'));
    const secured = connect({ socket: stream, ca: certificates.ca, servername: 'localhost' });
    return { peer: await Peer.connect(running.url, { createConnection: () => secured }), stream };
  }

  it('peers that verify the chain rendezvous over wss://', async () => {
    const verified = { ca: certificates.ca, servername: 'localhost' };
    const [a, b] = [await Peer.connect(running.url, verified), await Peer.connect(running.url, verified)];
    b.subscribe('t');
    await b.sync();
    const message = a.relay('t', 'offer');
    expect(await b.next()).toEqual(message);
    expect((await a.close()).code).toBe(1000);
  });

  it('R5: messages that come together, each in its own record, leave together in one record', async () => {
    const { peer: a, stream } = await heldPeer();
    const b = await Peer.connect(running.url, { ca: certificates.ca, servername: 'localhost' });
    b.subscribe('together');
    await b.sync();
    let records = 0;
    b.tcp.on('data', () => (records += 1));
    stream.hold();
    const sent = Array.from({ length: 8 }, (_, i) => a.relay('together', `${i}`));
    // Each is encrypted when the one before it is.
    await until(() => a.tcp.writableLength === 0);
    stream.release();
    for (const message of sent) expect(await b.next()).toEqual(message);
    expect(records).toBe(1);
    a.socket.terminate();
    expect((await b.close()).code).toBe(1000);
  });

  it('a peer that ends in the same read as its last message is answered before', async () => {
    const { peer, stream } = await heldPeer();
    const pong = once(peer.socket, 'pong') as Promise<[Buffer]>;
    stream.hold();
    peer.socket.ping('the last');
    peer.tcp.end();
    await until(() => peer.tcp.writableFinished);
    stream.release();
    const [heard] = await Promise.race([pong, peer.closed.then(() => ['nothing'])]);
    expect(heard.toString()).toBe('the last');
    peer.socket.terminate();
  });

  it('L16: a connection is plain during both of its handshakes, until it belongs to a peer', async () => {
    const plain = running.server.app.get(ConnectionCounts, { strict: false }).plain!;
    await until(() => plain.size === 0);
    const silent = await RawConnection.open(running.port);
    await until(() => plain.size >= 1);
    const trusting = { ca: certificates.ca, servername: 'localhost' };
    const peer = await Peer.connect(running.url, trusting);
    expect(plain.size).toBe(1);
    const asking = connect({ port: running.port, ...trusting });
    asking.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(asking, 'data');
    expect(plain.size).toBe(2);
    asking.destroy();
    silent.socket.destroy();
    await until(() => plain.size === 0);
    expect((await peer.close()).code).toBe(1000);
  });

  it('a client that does not know the CA does not connect', async () => {
    await expect(Peer.connect(running.url)).rejects.toThrow(/unable to (verify|get)|self-signed/);
  });

  it('health answers over HTTPS', async () => {
    const [response] = (await once(
      get(`${running.http}/health/ready`, { ca: certificates.ca, agent: false }),
      'response',
    )) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  it('speaks TLS 1.2 and 1.3, nothing older', async () => {
    const attempt = async (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<unknown> => {
      const socket = connect({
        port: running.port,
        host: '127.0.0.1',
        ca: certificates.ca,
        minVersion: version,
        maxVersion: version,
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      try {
        await once(socket, 'secureConnect');
        return socket.getProtocol();
      } finally {
        socket.destroy();
      }
    };
    expect(await attempt('TLSv1.2')).toBe('TLSv1.2');
    expect(await attempt('TLSv1.3')).toBe('TLSv1.3');
    await expect(attempt('TLSv1.1')).rejects.toThrow(/version|alert/);
  });

  it('a TLS handshake that never comes is aborted after handshake-timeout', async () => {
    const connection = await RawConnection.open(running.port);
    expect(await connection.ended).toBe('');
  });

  it('plain HTTP to the TLS port ends without harm', async () => {
    const connection = await RawConnection.open(running.port);
    connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await connection.ended;
    const peer = await Peer.connect(running.url, { ca: certificates.ca, servername: 'localhost' });
    expect(await peer.close()).toMatchObject({ code: 1000 });
  });

  it.each([
    ['a missing certificate', { tlsCert: '/nowhere/cert.pem' }, 'tls-cert "/nowhere/cert.pem": there is no such file'],
    ['a missing key', { tlsKey: '/nowhere/key.pem' }, 'tls-key "/nowhere/key.pem": there is no such file'],
    ['a directory', { tlsKey: '/tmp' }, 'tls-key "/tmp": it is a directory'],
    ['a certificate that is none', { tlsCert: 'garbage' }, 'not a PEM certificate'],
    ['a key that is none', { tlsKey: 'garbage' }, 'not a PEM private key'],
    ['a key of another certificate', { tlsKey: 'otherKey' }, 'does not belong to the certificate'],
  ])(
    'does not start with %s, and names the file',
    async (_what, wrong: { tlsCert?: string; tlsKey?: string }, fault) => {
      const path = (name: string): string =>
        name in certificates ? String(certificates[name as keyof Certificates]) : name;
      const input = {
        listenAddr: '127.0.0.1:0',
        tlsCert: path(wrong.tlsCert ?? 'chain'),
        tlsKey: path(wrong.tlsKey ?? 'key'),
      };
      await expect(createApp(parseSettings(input))).rejects.toMatchObject({
        name: 'StartupError',
        message: expect.stringContaining(fault),
      });
      await expect(createApp(parseSettings(input))).rejects.toThrow(path(wrong.tlsCert ?? wrong.tlsKey ?? ''));
    },
  );

  it('says in the log that TLS is on', () => {
    expect(running.log.find((line) => line.msg.startsWith('listening'))).toMatchObject({ tls: 'on', auth: 'off' });
  });
});
