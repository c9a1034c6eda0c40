import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { connect, headers as makeHeaders } from '@nats-io/transport-node';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { FROM_HEADER_BYTES } from '../../src/backplane/from-header.js';
import { NatsBackplane } from '../../src/backplane/nats-backplane.js';
import { SystemClock } from '../../src/clock/clock.js';
import { parseSettings } from '../../src/config/load-settings.js';
import { Logs } from '../../src/logging/log.js';
import { BackplaneCounts } from '../../src/metrics/backplane-counts.js';
import { encodeWord, MOST_WORD_BYTES } from '../../src/protocol/member-words.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { relayMessage } from '../support/peer.js';
import { subjectOf } from '../support/raw-nats.js';
import { until } from '../support/until.js';

const MEMBER = 'member\x00\xff';
const MEMBER_HEX = '6d656d62657200ff';
const SUBJECT = subjectOf('topic', 'topic');

describeWithNats('what a node says about members, on the bus', () => {
  let nats: NatsServer;
  let node: NatsBackplane;
  let counts: BackplaneCounts;
  let other: NatsConnection;
  beforeEach(async () => {
    nats = await NatsServer.start();
    counts = new BackplaneCounts();
    const settings = parseSettings({ natsUrl: nats.url, maxMessageBytes: 65_536 });
    const log = new Logs({ format: 'json', destination: { write: () => undefined } }).for('backplane');
    node = await NatsBackplane.join({ settings, clock: new SystemClock(), log, counts });
    other = await connect({ servers: nats.url });
  });
  afterEach(async () => {
    await other.close();
    await node.onApplicationShutdown();
    await NatsServer.stopAll();
  });

  /** Tells, as `headers payload` in hex, what the other client hears from now on. */
  async function overheard(): Promise<string[]> {
    const heard: string[] = [];
    other.subscribe(SUBJECT, {
      callback: (_error, { headers, data }) => {
        const named = [...(headers ?? [])].map(([name, values]) => `${name}: ${values.join()} `);
        heard.push(`${named.join('')}${Buffer.from(data).toString('hex')}`);
      },
    });
    await other.flush();
    return heard;
  }

  it('V7: a Relay from nobody has no headers, and one from a member has its id beside the same bytes', async () => {
    const heard = await overheard();
    const message = relayMessage('topic', 'x');
    node.publish('topic', message);
    node.publish('topic', message, MEMBER);
    await until(() => heard.length >= 2);
    const hex = message.toString('hex');
    expect(heard).toEqual([hex, `Cairn-From: ${MEMBER_HEX} ${hex}`]);
  });

  it('V7: the largest Relay that NATS carries leaves no room for the header, and travels without', async () => {
    const heard = await overheard();
    const { max_payload: most } = other.info!;
    const head = relayMessage('topic', Buffer.alloc(70_000)).length - 70_000;
    const sized = (bytes: number): Buffer => relayMessage('topic', Buffer.alloc(bytes - head));
    for (const bytes of [most - FROM_HEADER_BYTES, most - FROM_HEADER_BYTES + 1, most, most + 1]) {
      node.publish('topic', sized(bytes), MEMBER);
    }
    await until(() => heard.length >= 3);
    expect(heard.map((one) => one.startsWith('Cairn-From'))).toEqual([true, false, false]);
    expect(counts.dropped.too_large).toBe(1);
  });

  it.each<[string, string | undefined, string | undefined]>([
    ['16 hex digits', MEMBER_HEX, MEMBER],
    ['the same in capitals', MEMBER_HEX.toUpperCase(), MEMBER],
    ['none', undefined, undefined],
    ['nothing', '', undefined],
    ['15 digits', MEMBER_HEX.slice(1), undefined],
    ['17 digits', `${MEMBER_HEX}0`, undefined],
    ['no digits', 'x'.repeat(16), undefined],
    ['digits of another script', '\u0661'.repeat(16), undefined],
    ['very much', '0'.repeat(100_000), undefined],
  ])('V7, N5: a sender in %s', async (_what, value, expected) => {
    const arrived: (string | undefined)[] = [];
    node.listen((_topic, _message, from) => arrived.push(from));
    await node.subscribe('topic');
    let headers: MsgHdrs | undefined;
    if (value !== undefined) (headers = makeHeaders()).set('Cairn-From', value);
    other.publish(SUBJECT, relayMessage('topic', 'x'), headers && { headers });
    await until(() => arrived.length > 0);
    expect(arrived).toEqual([expected]);
    expect(counts.dropped.malformed).toBe(0);
  });

  it('N5: a word that is larger than any node says is dropped, and so is one that nobody understands', async () => {
    const heard: number[] = [];
    node.hear((_topic, word) => {
      heard.push(word.length);
      return word[4] !== 0x65;
    });
    await node.subscribe('topic');
    const direct = (bytes: number): Buffer => {
      const word = { kind: 'Direct', to: MEMBER, from: undefined, relay: Buffer.alloc(bytes) } as const;
      const over = encodeWord(word).length - bytes;
      return encodeWord({ ...word, relay: Buffer.alloc(bytes - over) });
    };
    const most = MOST_WORD_BYTES + 256;
    for (const word of [direct(most), direct(most + 1), Buffer.of(0xd9, 0xd9, 0xf7, 0xa1, 0x65)]) {
      other.publish(SUBJECT, word);
    }
    await until(() => counts.dropped.malformed >= 2);
    expect(heard).toEqual([most, 5]);
  });
});
