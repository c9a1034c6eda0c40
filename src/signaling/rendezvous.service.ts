import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { UnnamedProxies } from '../auth/unnamed-proxies.js';
import { Settings } from '../config/settings.js';
import { RendezvousCounts } from '../metrics/rendezvous-counts.js';
import type { Connection } from '../connection/connection.js';
import { topicTooLong } from '../protocol/close-codes.js';
import { ack, entryBytes, plainEntryBytes, errorAnswer, result } from '../protocol/rendezvous-answer.js';
import type { Entry, ErrorCode } from '../protocol/rendezvous-answer.js';
import { announcedBytes, MOST_ADDRESSES } from '../protocol/rendezvous-message.js';
import type { Announce, Malformed, Publish, Query, RendezvousMessage } from '../protocol/rendezvous-message.js';
import { textFrame } from '../protocol/websocket-frame.js';
import { RecordStore } from '../records/record-store.js';
import type { RecordContent } from '../records/record-store.js';
import { chargeOfSending } from '../protocol/charges.js';
import { Discovery } from './discovery.js';
import type { Discovered } from './discovery.js';
import { Leases } from './leases.js';
import { Permissions } from './permissions.js';
import { RelayService } from './relay.service.js';

/**
 * The rules of the JSON dialect (docs/protocol.md, J1-J8): who finds what. Knows nothing of sockets or of how records
 * are kept.
 * Invariant: every message of a known type is answered once, and the connection stays open.
 */
@Injectable()
export class RendezvousService implements OnModuleInit {
  constructor(
    private readonly relays: RelayService,
    private readonly records: RecordStore,
    private readonly discovery: Discovery,
    private readonly permissions: Permissions,
    private readonly leases: Leases,
    private readonly settings: Settings,
    private readonly counts: RendezvousCounts,
    private readonly unnamed: UnnamedProxies,
  ) {}

  /**
   * P6: a record that its peer may not publish any more is gone. The peer is told when it speaks of the topic again: an
   * error that answers nothing would be taken for the answer to a query.
   */
  onModuleInit(): void {
    this.leases.onEnd('publish', (connection, topic) => this.records.withdraw(connection.id, topic));
  }

  /** J1, J3, J6: keeps a record, and relays it. */
  publish(connection: Connection, message: Publish): void {
    this.#whenAllowed(connection, message, () => {
      const { topic, payload } = message;
      const content = { kind: 'published', payload } as const;
      if (!this.#keep(connection, topic, content, Buffer.byteLength(payload, 'base64'))) return;
      this.leases.begin(connection, 'publish', topic);
      this.counts.publishes += 1;
      this.relays.publish(connection, topic, payload);
      this.#acknowledge(connection, topic);
    });
  }

  /** J1, J3: keeps a record. */
  announce(connection: Connection, message: Announce): void {
    this.#whenAllowed(connection, message, () => {
      const { topic, peer_id: peerId, addresses } = message;
      if (addresses.length > MOST_ADDRESSES) {
        this.#fail(connection, topic, 'record_too_large', `record over ${MOST_ADDRESSES} addresses`);
        return;
      }
      const entry = { peer_id: peerId, addresses };
      const content = { kind: 'announced', peerId, addresses, entryBytes: entryBytes(entry) } as const;
      if (!this.#keep(connection, topic, content, announcedBytes(peerId, addresses))) return;
      this.counts.announces += 1;
      this.#acknowledge(connection, topic);
    });
  }

  /** J4, J5: answers with other peers' records. N6: the peer's next message waits while other nodes are asked. */
  query(connection: Connection, message: Query): void {
    this.#whenAllowed(connection, message, () => {
      const found = this.discovery.everywhere(connection, message.topic);
      const tell = (records: readonly Discovered[]): void => this.#tell(connection, message.topic, records);
      if (found instanceof Promise) connection.hold(found.then(tell));
      else tell(found);
    });
  }

  /** J7: answers a message of a known type that is malformed. */
  malformed(connection: Connection, { topic, fault }: Malformed): void {
    this.#fail(connection, topic, 'malformed', fault);
  }

  /** J2: the connection has ended. Its announcements stay until they expire. */
  disconnect(connection: Connection): void {
    this.records.disconnect(connection.id);
  }

  /** P1: calls `act`, or answers why not. */
  #whenAllowed(connection: Connection, { type, topic }: RendezvousMessage, act: () => void): void {
    const { records, maxTopicBytes } = this.settings;
    if (!records) {
      this.#fail(connection, topic, 'records_off', 'this server keeps no records; the setting is records');
    } else if (Buffer.byteLength(topic) > maxTopicBytes) {
      this.#fail(connection, topic, 'topic_too_long', topicTooLong(maxTopicBytes).text);
    } else {
      this.permissions.whenAllowed(connection, this.permissions.allows(connection, type, topic), act, () =>
        this.#fail(connection, topic, 'forbidden', 'you may not do that with this topic'),
      );
    }
  }

  /** N10: a record is acknowledged once every node finds it. The peer's next message waits for that. */
  #acknowledge(connection: Connection, topic: string): void {
    const findable = this.discovery.findable(topic);
    const acknowledge = (): void => answer(connection, ack(topic));
    if (findable === undefined) acknowledge();
    else connection.hold(findable.then(acknowledge));
  }

  #tell(connection: Connection, topic: string, records: readonly Discovered[]): void {
    const found = records.filter((record) => record.connection !== connection.id);
    for (const record of found) this.discovery.found(record);
    this.counts.queries += 1;
    if (found.length > 0) this.counts.hits += 1;
    else this.counts.misses += 1;

    const newest = found.find(({ content }) => content.kind === 'published' || content.addresses.length > 0);
    answer(connection, result(topic, newest === undefined ? null : payloadOf(newest.content), entriesOf(found)));
  }

  /** Keeps a record of `bytes`. If that is not allowed, answers with an error and returns false. */
  #keep(connection: Connection, topic: string, content: RecordContent, bytes: number): boolean {
    const { recordMaxBytes } = this.settings;
    if (bytes > recordMaxBytes) {
      const why = `record over ${recordMaxBytes} bytes; the setting is record-max-bytes`;
      this.#fail(connection, topic, 'record_too_large', why);
      return false;
    }
    const full = this.records.put({ topic, connection: connection.id, source: connection.source, content });
    if (full !== undefined) this.#fail(connection, topic, full, WHY[full]);
    return full === undefined;
  }

  #fail(connection: Connection, topic: string | undefined, code: ErrorCode, message: string): void {
    this.counts.refusals[code] += 1;
    if (code === 'quota_exceeded') this.unnamed.reached('records-per-source', connection.source);
    answer(connection, errorAnswer(topic, code, message));
  }
}

/** L1: the peer pays for a long answer. */
function answer(connection: Connection, text: string): void {
  const frame = textFrame(text);
  connection.send(frame);
  connection.charge(chargeOfSending(frame.length, 1));
}

const WHY = {
  topic_full: 'this topic has reached its record limit; the setting is records-per-topic',
  quota_exceeded: 'you have reached your record limit; the setting is records-per-source',
  store_full: 'the server has reached its record limit; the setting is records-max-bytes',
};

/**
 * J5: what TypeScript and Rust read, in base64. An announcer's single address in hex (Go) stands for its bytes. Other
 * addresses are text.
 */
function payloadOf(content: RecordContent): string {
  if (content.kind === 'published') return content.payload;
  const { addresses } = content;
  const isHex = addresses.length === 1 && /^(?:[0-9a-f]{2})+$/i.test(addresses[0]);
  return (isHex ? Buffer.from(addresses[0], 'hex') : Buffer.from(addresses.join('\n'))).toString('base64');
}

/** J4, J5: what Go and Python read. */
function* entriesOf(records: readonly Discovered[]): Generator<Entry> {
  for (const { content } of records) {
    if (content.kind === 'announced') {
      yield { bytes: content.entryBytes, peer: () => ({ peer_id: content.peerId, addresses: content.addresses }) };
    } else {
      const { payload } = content;
      yield {
        bytes: plainEntryBytes(2 * Buffer.byteLength(payload, 'base64')),
        peer: () => ({ peer_id: '', addresses: [Buffer.from(payload, 'base64').toString('hex')] }),
      };
    }
  }
}
