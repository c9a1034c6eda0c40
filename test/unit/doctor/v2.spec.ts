import { afterEach, describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { diagnose } from '../../support/diagnosis.js';
import { HeldClock } from '../../support/held-clock.js';
import { startReference, startWebSockets, stopOddServers } from '../../support/odd-servers.js';
import { cbor } from '../../support/peer.js';
import { memberOf, startV2, WELCOME } from '../../support/v2-server.js';
import type { V2Behaviour } from '../../support/v2-server.js';

afterEach(stopOddServers);

/** Nothing else connects by WebSocket: the peers of the server are those of this examination. */
const only = ['dns', 'tcp', 'v2'];

/** A server's behaviour, and when the doctor has waited for too long: once it has read the answer to such a request. */
interface Behaviour extends V2Behaviour {
  readonly late?: (...read: Parameters<NonNullable<V2Behaviour['read']>>) => boolean;
}

describe('which subprotocol', () => {
  it('none, as the reference', async () => {
    const { v2 } = await diagnose(`ws://127.0.0.1:${await startReference({ handleProtocols: () => false })}`, { only });
    expect(v2).toMatchObject({
      verdict: 'ok',
      found:
        'the server selects no subprotocol, as the reference does: peers get no list of members and no receipts here',
      figures: { protocol: 'none' },
    });
  });

  it('the first one', async () => {
    const port = await startReference({ handleProtocols: () => 'cairn-signal' });
    const { v2 } = await diagnose(`ws://127.0.0.1:${port}`, { only });
    expect(v2).toMatchObject({
      verdict: 'ok',
      found: 'the server selects cairn-signal: peers get no list of members and no receipts here',
      figures: { protocol: 'cairn-signal' },
    });
  });

  it.each([
    ['none', 'no subprotocol', () => false as const],
    ['cairn-signal', 'cairn-signal', () => 'cairn-signal'],
  ])('%s, though the server says that it has v2', async (protocol, selected, handleProtocols) => {
    const port = await startWebSockets(
      () => undefined,
      { handleProtocols },
      {},
      (_request, response) =>
        response.end(JSON.stringify({ name: 'cairn-signal', version: '1', protocols: ['cairn-signal.v2'] })),
    );
    const { v2 } = await diagnose(`ws://127.0.0.1:${port}`, { only: ['dns', 'tcp', 'http', 'v2'] });
    expect(v2).toMatchObject({
      verdict: 'warning',
      found: `the server has cairn-signal.v2, but selects ${selected} where it is offered`,
      advice: expect.stringContaining('Sec-WebSocket-Protocol'),
      figures: { protocol },
    });
  });
});

describe('cairn-signal.v2', () => {
  const TIMEOUT_MS = 10_000;

  /** What the doctor finds at a server that behaves like this. Its time stands still but for `late`. */
  async function examine({ late, ...behaviour }: Behaviour, topic?: string) {
    const clock = new HeldClock();
    const port = await startV2({
      read: (...read) => {
        if (late?.(...read) === true) clock.pass(TIMEOUT_MS);
      },
      ...behaviour,
    });
    const options = { clock, timeout: TIMEOUT_MS, only, ...(topic !== undefined && { topic }) };
    return (await diagnose(`ws://127.0.0.1:${port}`, options)).v2;
  }

  /** The answer to a Subscribe, with other fields in its Members. */
  const told =
    (fields: (peer: number) => object): V2Behaviour['odd'] =>
    ({ Subscribe }, peer) =>
      Subscribe && [
        { Members: { topic: Subscribe.topic, count: peer + 1, self: memberOf(peer), ...fields(peer) } },
        { Ack: { id: Subscribe.id } },
      ];

  const GOOD = { protocol: 'cairn-signal.v2', members: 2, to: 1, milliseconds: 0 };

  it('members see each other, a relay is acknowledged, a Ping is answered', async () => {
    expect(await examine({})).toEqual({
      name: 'v2',
      verdict: 'ok',
      found: 'cairn-signal.v2: members see each other, and a relay is acknowledged in 0 ms',
      figures: GOOD,
    });
  });

  it('the number of the members is enough', async () => {
    expect(await examine({ lists: false })).toMatchObject({
      verdict: 'ok',
      found: 'cairn-signal.v2: members are told their number, not who they are, and a relay is acknowledged in 0 ms',
    });
  });

  it('others may be on a topic that was named, and on no other', async () => {
    expect(await examine({ strangers: 2 }, 'named')).toMatchObject({
      verdict: 'ok',
      figures: { ...GOOD, members: 4, to: 3 },
    });
    expect(await examine({ strangers: 2 })).toMatchObject({ verdict: 'failed', figures: { to: 3 } });
  });

  it('what is no message does no harm', async () => {
    const garbage = [
      '',
      'ff',
      '9bffffffffffffffff',
      '9a06b00000',
      'bb0000000100000000',
      `${'81'.repeat(50_000)}00`,
      'f6',
      '01',
    ];
    const others = [{ Nothing: {} }, { Members: null }, { Members: 1 }, {}, { Ack: { id: 1 }, Error: {} }];
    const welcome = [...garbage.map((hex) => Buffer.from(hex, 'hex')), ...others, WELCOME];
    expect(await examine({ welcome })).toMatchObject({ verdict: 'ok' });
  });

  it.each<[string, V2Behaviour['odd']]>([
    ['no Members', ({ Subscribe }) => Subscribe && [{ Ack: { id: Subscribe.id } }]],
    ['Members without self', told(() => ({ self: undefined, joined: [] }))],
    ['an id of 7 bytes', told(() => ({ self: Buffer.alloc(7), joined: [] }))],
    ['an id that is text', told(() => ({ self: '12345678', joined: [] }))],
    ['no count', told(() => ({ count: '2' }))],
  ])('failed: a Subscribe is acknowledged with %s', async (_what, odd) => {
    expect(await examine({ odd })).toMatchObject({
      verdict: 'failed',
      found: 'a Subscribe that asks for the members is acknowledged without them',
    });
  });

  it.each<[string, (peer: number) => object]>([
    ['an empty list', () => ({ joined: [] })],
    ['a list of others', () => ({ joined: [{ id: memberOf(7) }, null, 1, { id: 1 }] })],
    ['the number 1', () => ({ count: 1 })],
  ])('failed: the second member is told %s', async (_what, fields) => {
    expect(await examine({ odd: told(fields) })).toMatchObject({
      verdict: 'failed',
      found: 'two members of one topic are not told of each other',
      advice: expect.stringContaining('nats-url'),
    });
  });

  it('a warning: the list is partial', async () => {
    expect(await examine({ odd: told(() => ({ joined: [], partial: true })) })).toMatchObject({
      verdict: 'warning',
      figures: { partial: true },
    });
  });

  it.each<[string, unknown]>([
    ['0', 0],
    ['no number', undefined],
    ['text', '1'],
    ['2', 2],
  ])('failed: the receipt says %s', async (_what, to) => {
    let other!: WebSocket;
    const v2 = await examine({
      odd: ({ Relay }) => Relay && [{ Ack: { id: Relay.id, ...(to !== undefined && { to }) } }],
      read: ({ Relay }, peer, socket) => {
        if (peer === 1) other = socket;
        if (Relay === undefined) return;
        other.send(cbor.encode({ Relay: { topic: Relay.topic, payload: Relay.payload, from: memberOf(0) } }));
      },
    });
    expect(v2).toMatchObject({
      verdict: 'failed',
      found: 'a relay arrives at one member, but its receipt says otherwise',
      figures: { to: typeof to === 'number' ? to : null },
    });
  });

  it.each<[string, string, Behaviour]>([
    [
      'no Welcome',
      'cairn-signal.v2 is selected, but no Welcome comes',
      { welcome: [], late: (_request, peer) => peer === 1 },
    ],
    [
      'no answer to a Subscribe',
      'no answer to a Subscribe',
      { odd: ({ Subscribe }) => Subscribe && [], late: ({ Subscribe }) => Subscribe !== undefined },
    ],
    [
      'the first member is not told that a second one came',
      'the first member is not told that a second one came',
      {
        odd: told((peer) => ({ joined: peer === 0 ? [] : [{ id: memberOf(0) }] })),
        late: ({ Subscribe }, peer) => Subscribe !== undefined && peer === 1,
      },
    ],
    [
      'no answer to a Relay',
      'no answer to a Relay',
      { odd: ({ Relay }) => Relay && [], late: ({ Relay }) => Relay !== undefined },
    ],
    [
      'a relay that is acknowledged and lost',
      'a relay is acknowledged, but does not arrive from its sender',
      { odd: ({ Relay }) => Relay && [{ Ack: { id: Relay.id, to: 1 } }], late: ({ Relay }) => Relay !== undefined },
    ],
    ['no Pong', 'no Pong to a Ping', { odd: ({ Ping }) => Ping && [], late: ({ Ping }) => Ping !== undefined }],
    [
      'another Pong',
      'no Pong to a Ping',
      { odd: ({ Ping }) => Ping && [{ Pong: { id: 7 } }, { Pong: {} }], late: ({ Ping }) => Ping !== undefined },
    ],
  ])('failed: %s', async (_what, found, behaviour) => {
    expect(await examine(behaviour)).toMatchObject({ verdict: 'failed', found: `${found} within 10 s` });
  });

  it.each([
    ['Subscribe', 'forbidden', /presence/],
    ['Relay', 'forbidden', /presence/],
    ['Subscribe', 'too_many_topics', /section 12/],
    ['Relay', 'nobody knows', /section 12/],
  ])('a warning: %s is answered with %s', async (kind, code, advice) => {
    const v2 = await examine({
      odd: ({ [kind]: request }) =>
        request && [{ Error: { id: request.id, topic: request.topic, code, message: 'x' } }],
    });
    expect(v2).toMatchObject({
      verdict: 'warning',
      found: `cairn-signal.v2: a member is answered with ${code}`,
      advice: expect.stringMatching(advice),
      figures: { protocol: 'cairn-signal.v2', code },
    });
  });

  it('never repeats the topic, whatever an Error says', async () => {
    const v2 = await examine(
      { odd: ({ Subscribe }) => Subscribe && [{ Error: { id: 1, code: `no ${Subscribe.topic}`, message: 'x' } }] },
      's3cret',
    );
    expect(v2.found).toContain('no [topic]');
    expect(JSON.stringify(v2)).not.toContain('s3cret');
  });

  it('an Error without a code, and a close', async () => {
    const error = await examine({ odd: ({ Subscribe }) => Subscribe && [{ Error: { id: 1, code: 7 } }] });
    expect(error).toMatchObject({ verdict: 'warning', found: expect.stringContaining('an Error without a code') });
    const closed = await examine({
      odd: ({ Relay }) => Relay && [],
      read: ({ Relay }, _peer, socket) => Relay && socket.close(4008, 'too slow'),
    });
    expect(closed).toMatchObject({ verdict: 'failed', figures: { code: 4008 } });
  });
});
