import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerOptions, WebSocket } from 'ws';
import { readMessage } from '../../../src/protocol/strict-reader.js';
import { diagnose, verdicts } from '../../support/diagnosis.js';
import { HeldClock } from '../../support/held-clock.js';
import { startReference, startWebSockets, stopOddServers } from '../../support/odd-servers.js';

afterEach(stopOddServers);

const CONNECTING = ['dns', 'tcp', 'tls', 'upgrade', 'auth'];

describe('a server like the reference', () => {
  it('relays, ignores JSON, and selects no subprotocol: two warnings, and nothing failed', async () => {
    const findings = await diagnose(`ws://127.0.0.1:${await startReference({ handleProtocols: () => false })}`, {
      token: 'abc',
    });
    expect(verdicts(findings)).toEqual({
      dns: 'ok',
      tcp: 'ok',
      tls: 'skipped',
      http: 'ok',
      upgrade: 'ok',
      auth: 'warning',
      cbor: 'ok',
      json: 'warning',
      v2: 'ok',
      size: 'ok',
      browser: 'warning',
      ice: 'skipped',
      idle: 'skipped',
    });
    expect(findings.json).toMatchObject({
      found: expect.stringContaining('the published libraries will not find each other'),
      figures: { answered: false },
    });
    expect(findings.size).toMatchObject({
      found: 'messages of 1,048,576 bytes and more pass',
      figures: { bytes: 1_048_576, exact: false },
    });
    expect(findings.auth.found).toContain('open to everyone');
    expect(findings.browser.found).toContain('selects none');
  });
});

describe('CBOR', () => {
  it('two addresses may be two servers', async () => {
    const clock = new HeldClock();
    const port = await startWebSockets((socket) => {
      // After the Subscribe comes the Relay, which the server at the other address does not get.
      socket.once('message', () => socket.on('message', () => clock.pass(10_000)));
    });
    await startWebSockets(() => undefined, {}, { host: '127.0.0.2', port });
    const { cbor } = await diagnose(`ws://host.invalid:${port}`, {
      clock,
      timeout: 10_000,
      addresses: ['127.0.0.1', '127.0.0.2'],
      only: ['tcp', 'cbor'],
    });
    expect(cbor).toMatchObject({
      verdict: 'failed',
      advice: expect.stringContaining(
        '127.0.0.1 and 127.0.0.2 seem to be different servers: join the servers with one nats-url',
      ),
    });
  });

  it('a server that takes everything and relays nothing is given up after the timeout', async () => {
    const clock = new HeldClock();
    let messages = 0;
    const port = await startWebSockets((socket) => {
      socket.on('message', () => {
        // Two Subscribes, and the Relays that nobody receives.
        messages += 1;
        if (messages >= 3) clock.pass(10_000);
      });
    });
    const { cbor } = await diagnose(`ws://127.0.0.1:${port}`, {
      clock,
      timeout: 10_000,
      only: [...CONNECTING, 'cbor'],
    });
    expect(cbor).toMatchObject({
      verdict: 'failed',
      found: 'a relay does not reach the other connection within 10 s',
      advice: expect.stringMatching(/nats-url.*topic policy.*claim topics.*--topic/),
    });
  });

  it('a server that sends more than was asked for is given up before it fills the memory', async () => {
    const port = await startWebSockets((socket) => {
      socket.once('message', () => {
        for (let i = 0; i < 100; i++) socket.send('{"type":"news"}');
      });
    });
    const { cbor } = await diagnose(`ws://127.0.0.1:${port}`, {
      clock: new HeldClock(),
      timeout: 10_000,
      only: [...CONNECTING, 'cbor'],
    });
    expect(cbor).toMatchObject({
      verdict: 'failed',
      found: 'the connection was cut by the doctor: the server sends messages that nobody asked for',
      advice: expect.stringContaining('not a signaling server'),
    });
  });

  it('a first relay that is lost is a warning', async () => {
    const clock = new HeldClock();
    const sockets: WebSocket[] = [];
    let relays = 0;
    const port = await startWebSockets((socket) => {
      sockets.push(socket);
      socket.on('message', (data: Buffer) => {
        const message = readMessage(data);
        if (message?.kind !== 'Relay') return;
        relays += 1;
        if (relays === 1) clock.pass(2500);
        else for (const other of sockets) if (other !== socket) other.send(data);
      });
    });
    const { cbor } = await diagnose(`ws://127.0.0.1:${port}`, {
      clock,
      timeout: 10_000,
      only: [...CONNECTING, 'cbor'],
    });
    expect(cbor).toMatchObject({
      verdict: 'warning',
      found:
        'a message to another peer and one back: 0 ms, at the second attempt: a message relayed right after subscribing was lost',
    });
  });

  it('a server that answers no ping is given up after the timeout', async () => {
    const clock = new HeldClock();
    const port = await startWebSockets((socket) => socket.on('ping', () => clock.pass(10_000)), { autoPong: false });
    const { cbor } = await diagnose(`ws://127.0.0.1:${port}`, {
      clock,
      timeout: 10_000,
      only: [...CONNECTING, 'cbor'],
    });
    expect(cbor).toMatchObject({ verdict: 'failed', found: 'no pong to a ping within 10 s' });
  });
});

describe('JSON', () => {
  /** A server that answers every JSON message with the result of `answer`. */
  async function examine(answer: (message: { type: string; topic: string; payload?: string }) => unknown) {
    const answerTo = (socket: WebSocket) => (data: Buffer, isBinary: boolean) =>
      !isBinary && socket.send(JSON.stringify(answer(JSON.parse(data.toString()) as { type: string; topic: string })));
    const port = await startWebSockets((socket) => socket.on('message', answerTo(socket)));
    const { json } = await diagnose(`ws://127.0.0.1:${port}`, { only: [...CONNECTING, 'json'] });
    return json;
  }

  it('a publication is not found: two servers', async () => {
    const json = await examine(({ type, topic }) =>
      type === 'publish' ? { type: 'ack', topic } : { type: 'result', topic, payload: null, peers: [] },
    );
    expect(json).toMatchObject({
      verdict: 'failed',
      figures: { answered: true, found: false },
      advice: expect.stringContaining('nats-url'),
    });
  });

  it('J4: a publication is found even if another peer has published on the topic since', async () => {
    let published = '';
    const json = await examine(({ type, topic, payload }) => {
      if (type !== 'publish') {
        return {
          type: 'result',
          topic,
          payload: 'bmV3ZXI=',
          peers: [
            { peer_id: '', addresses: ['6e65776572'] },
            { peer_id: '', addresses: [published] },
          ],
        };
      }
      published = Buffer.from(payload!, 'base64').toString('hex');
      return { type: 'ack', topic };
    });
    expect(json).toMatchObject({ verdict: 'ok', figures: { answered: true, found: true } });
  });

  it('J4: only other publications are found: two servers', async () => {
    const json = await examine(({ type, topic }) =>
      type === 'publish'
        ? { type: 'ack', topic }
        : { type: 'result', topic, payload: 'b3RoZXI=', peers: [{ peer_id: '', addresses: ['6f74686572'] }] },
    );
    expect(json).toMatchObject({ verdict: 'failed', figures: { answered: true, found: false } });
  });

  it('records are off', async () => {
    expect(await examine(({ topic }) => ({ type: 'error', topic, code: 'records_off', message: 'x' }))).toMatchObject({
      verdict: 'warning',
      advice: expect.stringContaining('records on'),
      figures: { code: 'records_off' },
    });
  });

  it('the store is full', async () => {
    expect(await examine(({ topic }) => ({ type: 'error', topic, code: 'store_full', message: 'x' }))).toMatchObject({
      verdict: 'warning',
      found: 'the server answers JSON with store_full',
    });
  });

  it('random topics are forbidden', async () => {
    expect(await examine(({ topic }) => ({ type: 'error', topic, code: 'forbidden', message: 'x' }))).toMatchObject({
      verdict: 'warning',
      found:
        'the server answers JSON with forbidden: a peer without a token may not use a random topic (topic policy, or the claim topics of a JWT)',
      advice: expect.stringContaining('--topic'),
      figures: { answered: true, code: 'forbidden' },
    });
  });

  it('an answer on another topic does not count', async () => {
    expect(await examine(() => ({ type: 'ack', topic: 'other' }))).toMatchObject({
      verdict: 'warning',
      figures: { answered: false },
    });
  });

  it('an answer that is not an object does not count', async () => {
    expect(await examine(() => null)).toMatchObject({ verdict: 'warning', figures: { answered: false } });
  });
});

describe('the token', () => {
  /** A server that judges each handshake by its headers. */
  const judging = (
    judge: (headers: IncomingHttpHeaders) => number | undefined,
    options: ServerOptions = {},
  ): Promise<number> =>
    startWebSockets(() => undefined, {
      ...options,
      verifyClient: ({ req }: { req: IncomingMessage }, decide: (admitted: boolean, status?: number) => void) => {
        const status = judge(req.headers);
        decide(status === undefined, status);
      },
    });

  it.each([
    [401, 'ok', 'refused without the token, accepted with it'],
    [403, 'ok', 'refused without the token, accepted with it'],
    [429, 'warning', 'the token is accepted, but a handshake without one is answered with 429'],
  ])('is needed where a handshake without it is answered %d', async (status, verdict, found) => {
    const port = await judging(({ authorization }) => (authorization === undefined ? status : undefined));
    const { auth } = await diagnose(`ws://127.0.0.1:${port}`, { token: 'abc', only: CONNECTING });
    expect(auth).toMatchObject({ verdict, found });
  });

  it('is wrong even if the server knows no subprotocol', async () => {
    const port = await judging(({ authorization }) => (authorization === undefined ? undefined : 401), {
      handleProtocols: () => false,
    });
    const { auth } = await diagnose(`ws://127.0.0.1:${port}`, { token: 'abc', only: CONNECTING });
    expect(auth).toMatchObject({ verdict: 'failed', found: 'the token is refused: it is wrong' });
  });

  it('in a subprotocol is refused by a server like the reference', async () => {
    const port = await judging(({ authorization }) => (authorization === 'Bearer abc' ? undefined : 401));
    const { browser } = await diagnose(`ws://127.0.0.1:${port}`, { token: 'abc', only: [...CONNECTING, 'browser'] });
    expect(browser).toMatchObject({
      verdict: 'warning',
      found: 'the token as a subprotocol, as browsers send it, is answered with 401',
      figures: { accepted: false, status: 401 },
    });
  });
});

describe('the token of browsers', () => {
  it('a server that selects the subprotocol with the token', async () => {
    const port = await startWebSockets(() => undefined, {
      handleProtocols: (offered: Set<string>) => [...offered][1] ?? false,
    });
    const { browser } = await diagnose(`ws://127.0.0.1:${port}`, { token: 'abc', only: [...CONNECTING, 'browser'] });
    expect(browser).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining('repeats the token in its answer'),
    });
  });
});
