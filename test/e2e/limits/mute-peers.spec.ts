import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../../src/transport/ws-connection.js';
import { clientFrame } from '../../support/client-frame.js';
import { RustLibrary, TypeScriptLibrary } from '../../support/libraries.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer, relayMessage } from '../../support/peer.js';
import { RawConnection } from '../../support/raw-http.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import { eventually, until } from '../../support/until.js';

afterEach(stopServers);

const TIMES = { pingInterval: '1s', pongTimeout: '1s' };
const PING = Buffer.from('8900', 'hex').toString('latin1');
const PONG = clientFrame(0x8a);
const PUBLISH = clientFrame(0x81, JSON.stringify({ type: 'publish', topic: 't', payload: 'aGk=' }));

/** The only connection that there is. */
const connectionOf = ({ connections }: RunningServer): WsConnection => [...connections][0] as WsConnection;

/** Lets a second pass, and the heartbeat look at the connection. */
async function second(clock: ManualClock, { pulse }: WsConnection): Promise<void> {
  const { checkAt } = pulse;
  clock.pass(1000);
  await until(() => pulse.checkAt !== checkAt);
}

/** A peer that reads (and so lets a test see what comes) and answers nothing, after it has sent `frames`. */
async function silentAfter(
  frames: Buffer,
): Promise<{ running: RunningServer; clock: ManualClock; peer: RawConnection; connection: WsConnection }> {
  const clock = new ManualClock();
  const running = await startServer(TIMES, 'off', clock);
  const peer = await RawConnection.upgraded(running.port);
  const connection = connectionOf(running);
  peer.write(frames);
  await until(() => connection.pulse.heard);
  return { running, clock, peer, connection };
}

const pingsIn = (answer: string): number => answer.split(PING).length - 1;

describe('a peer that only sends JSON', () => {
  it('L4: is kept although it never reads, and what it publishes later is found', async () => {
    const clock = new ManualClock();
    const running = await startServer(TIMES, 'off', clock);
    const rust = await RustLibrary.connect(running.url);
    const connection = connectionOf(running);
    const [early, late] = [1, 2].map(() => randomBytes(32).toString('hex'));
    rust.publish(early, Buffer.from('early'));
    await until(() => running.traffic.received.publish === 1);
    for (let i = 0; i < 20; i++) await second(clock, connection);
    rust.publish(late, Buffer.from('late'));
    const ts = await TypeScriptLibrary.connect(running.url);
    expect(
      String(
        await eventually(
          () => ts.query(late),
          (found) => found !== null,
        ),
      ),
    ).toBe('late');
    expect(String(await ts.query(early))).toBe('early');
  });

  it('L4: is pinged at every ping-interval for as long, so that nothing in between forgets it', async () => {
    const { running, clock, peer, connection } = await silentAfter(PUBLISH);
    // What it published counts as life.
    await second(clock, connection);
    for (let pings = 1; pings <= 10; pings++) {
      await second(clock, connection);
      await until(() => pingsIn(peer.answer) >= pings);
    }
    expect(pingsIn(peer.answer)).toBe(10);
    expect(running.connections.size).toBe(1);
  });

  it.each([
    ['has answered a ping', Buffer.concat([PUBLISH, PONG])],
    ['also speaks CBOR', Buffer.concat([PUBLISH, clientFrame(0x82, relayMessage('t', 'x'))])],
    ['has only answered pings', PONG],
    ['has only spoken CBOR', clientFrame(0x82, relayMessage('t', 'x'))],
  ])('L4: is not one that %s: that one is closed with 4009', async (_title, frames) => {
    const { clock, peer, connection } = await silentAfter(frames);
    for (let i = 0; i < 2; i++) await second(clock, connection);
    clock.pass(1000);
    await peer.heard('no pong within 1 s; the setting is pong-timeout');
    expect(connection.dismissed).toBe(true);
  });

  it('L4: is one like others once it answers', async () => {
    const { clock, peer, connection } = await silentAfter(PUBLISH);
    for (let i = 0; i < 5; i++) await second(clock, connection);
    peer.write(PONG);
    await until(() => connection.pulse.heard);
    for (let i = 0; i < 2; i++) await second(clock, connection);
    clock.pass(1000);
    await peer.heard('no pong within 1 s');
    expect(connection.dismissed).toBe(true);
  });

  it('L4: ends with its socket, and leaves nothing behind', async () => {
    const { running, clock, peer, connection } = await silentAfter(PUBLISH);
    for (let i = 0; i < 5; i++) await second(clock, connection);
    // As the system ends the socket of a peer that does not acknowledge.
    connection.socket.destroy(Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT' }));
    await peer.ended;
    await until(() => running.connections.size === 0);
    clock.pass(60_000);
    await (await Peer.connect(running.url)).sync();
    expect(running.connections.size).toBe(1);
  });

  it('L5: makes way for a newcomer once it does not answer, and not for one that is refused', async () => {
    const clock = new ManualClock();
    const running = await startServer({ ...TIMES, maxConnections: 1, authToken: 's3cret' }, 'off', clock);
    const headers = { Authorization: 'Bearer s3cret' };
    const rust = await Peer.connect(running.url, { headers });
    rust.socket.send(JSON.stringify({ type: 'publish', topic: 't', payload: 'aGk=' }));
    rust.socket.pause();
    const connection = connectionOf(running);
    await until(() => running.traffic.received.publish === 1);
    expect((await Peer.refused(running.url, { headers })).status).toBe(503);
    for (let i = 0; i < 4; i++) await second(clock, connection);
    expect((await Peer.refused(running.url)).status).toBe(401);
    expect(connection.open).toBe(true);
    const newcomer = await Peer.connect(running.url, { headers });
    await newcomer.sync();
    expect([connection.open, running.connections.size]).toEqual([false, 1]);
    expect((await Peer.refused(running.url, { headers })).status).toBe(503);
    // What it published is still there.
    newcomer.subscribe('t');
    expect(await newcomer.next()).toEqual(relayMessage('t', 'hi'));
  });
});
