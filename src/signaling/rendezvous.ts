import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { RendezvousCounts } from '../metrics/rendezvous-counts.js';
import type { Connection } from '../connection/connection.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { topicTooLong } from '../protocol/close-codes.js';
import { ack, entryBytes, plainEntryBytes, refusal, result } from '../protocol/rendezvous-answer.js';
import type { Entry, RefusalCode } from '../protocol/rendezvous-answer.js';
import { announcedBytes, MOST_ADDRESSES } from '../protocol/rendezvous-message.js';
import type { Announce, Malformed, Publish, Query, RendezvousMessage } from '../protocol/rendezvous-message.js';
import { textFrame } from '../protocol/websocket-frame.js';
import { RecordStore } from '../records/record-store.js';
import type { RecordContent } from '../records/record-store.js';
import { chargeOfSending } from './charges.js';
import { Discovery } from './discovery.js';
import type { Discovered } from './discovery.js';
import { Permissions } from './permissions.js';
import { Relay } from './relay.js';

/**
 * The rules of the JSON dialect (docs/protocol.md, J1-J8): who finds what. Knows neither sockets nor how records are kept.
 * Invariant: every message of a known type is answered, once, and the connection stays open.
 */
@Injectable()
export class Rendezvous {
  constructor(
    private readonly relay: Relay,
    private readonly records: RecordStore,
    private readonly discovery: Discovery,
    private readonly permissions: Permissions,
    private readonly connections: ConnectionRegistry,
    private readonly settings: Settings,
    private readonly counts: RendezvousCounts,
  ) {}

  /** Answers; a promise where others have to be asked first. */
  handle(connection: Connection, message: RendezvousMessage | Malformed): Promise<void> | undefined {
    const answer = this.#answer(connection, message);
    if (typeof answer !== 'string') return answer.then((text) => send(connection, text));
    send(connection, answer);
    return undefined;
  }

  /** J2: the connection is gone, its published records are not yet. */
  leave(connection: Connection): void {
    this.records.disconnect(connection.id);
  }

  #answer(connection: Connection, message: RendezvousMessage | Malformed): string | Promise<string> {
    if (message.type === 'malformed') return this.#refuse(message.topic, 'malformed', message.fault);
    const { topic } = message;
    if (!this.settings.records) {
      return this.#refuse(topic, 'records_off', 'this server keeps no records; the setting is records');
    }
    const { maxTopicBytes } = this.settings;
    if (Buffer.byteLength(topic) > maxTopicBytes) {
      return this.#refuse(topic, 'topic_too_long', topicTooLong(maxTopicBytes).text);
    }
    const allowed = this.permissions.allows(connection, message.type, topic);
    if (allowed === true) return this.#honour(connection, message);
    if (allowed === false) return this.#forbid(topic);
    // Whose end came first leaves nothing behind.
    return allowed.then((yes) =>
      yes && this.connections.heeds(connection) ? this.#honour(connection, message) : this.#forbid(topic),
    );
  }

  #honour(connection: Connection, message: RendezvousMessage): string | Promise<string> {
    switch (message.type) {
      case 'publish':
        return this.#publish(connection, message);
      case 'announce':
        return this.#announce(connection, message);
      case 'query':
        return this.#query(connection, message);
    }
  }

  /** J1, J3, J6. */
  #publish(connection: Connection, { topic, payload }: Publish): string {
    const refused = this.#leave(
      connection,
      topic,
      { kind: 'published', payload },
      Buffer.byteLength(payload, 'base64'),
    );
    if (refused !== undefined) return refused;
    this.counts.publishes += 1;
    this.relay.publish(connection, topic, payload);
    return ack(topic);
  }

  /** J1, J3. */
  #announce(connection: Connection, { topic, peer_id: peerId, addresses }: Announce): string {
    if (addresses.length > MOST_ADDRESSES) {
      return this.#refuse(topic, 'record_too_large', `record over ${MOST_ADDRESSES} addresses`);
    }
    const content: RecordContent = {
      kind: 'announced',
      peerId,
      addresses,
      entryBytes: entryBytes({ peer_id: peerId, addresses }),
    };
    const refused = this.#leave(connection, topic, content, announcedBytes(peerId, addresses));
    if (refused !== undefined) return refused;
    this.counts.announces += 1;
    return ack(topic);
  }

  /** J4, J5: the asking connection's own records are left out. */
  #query(connection: Connection, { topic }: Query): string | Promise<string> {
    const found = this.discovery.everywhere(connection, topic);
    return found instanceof Promise
      ? found.then((records) => this.#result(connection, topic, records))
      : this.#result(connection, topic, found);
  }

  #result(connection: Connection, topic: string, records: readonly Discovered[]): string {
    const found = records.filter((record) => record.connection !== connection.id);
    for (const record of found) this.discovery.found(record);
    this.counts.queries += 1;
    if (found.length > 0) this.counts.hits += 1;
    else this.counts.misses += 1;

    const newest = found.find(({ content }) => content.kind === 'published' || content.addresses.length > 0);
    return result(topic, newest === undefined ? null : payloadOf(newest.content), entriesOf(found));
  }

  #leave(connection: Connection, topic: string, content: RecordContent, bytes: number): string | undefined {
    const { recordMaxBytes } = this.settings;
    if (bytes > recordMaxBytes) {
      return this.#refuse(
        topic,
        'record_too_large',
        `record over ${recordMaxBytes} bytes; the setting is record-max-bytes`,
      );
    }
    const refused = this.records.put({ topic, connection: connection.id, source: connection.source, content });
    return refused === undefined ? undefined : this.#refuse(topic, refused, WHY[refused]);
  }

  /** P1. */
  #forbid(topic: string): string {
    return this.#refuse(topic, 'forbidden', 'you may not do that with this topic');
  }

  #refuse(topic: string | undefined, code: RefusalCode, message: string): string {
    this.counts.refusals[code] += 1;
    return refusal(topic, code, message);
  }
}

/** L1: who asked pays for a long answer. */
function send(connection: Connection, answer: string): void {
  const frame = textFrame(answer);
  connection.send(frame);
  connection.charge(chargeOfSending(frame.length, 1));
}

const WHY = {
  topic_full: 'the topic holds as many records as it may; the setting is records-per-topic',
  quota_exceeded: 'you hold as many records as you may; the setting is records-per-source',
  store_full: 'the server holds as many records as it may; the setting is records-max-bytes',
};

/** J5: what TypeScript and Rust read, in base64. An announcer's single address in hex (Go) is those bytes, other addresses are text. */
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
