import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import type { Connection } from '../connection/connection.js';
import { PresenceCounts } from '../metrics/presence-counts.js';
import type { MemberId } from '../protocol/member.js';
import { LocalMember } from './local-members.js';
import { MemberIds } from './member-ids.js';
import { shownOf } from './member-list.js';
import type { MemberInfo } from './member-list.js';
import { OtherNodes } from './other-nodes.js';
import { costOfData, costOfTable } from './presence-cost.js';
import { PresenceRoom, SHARE_OF_OTHERS } from './presence-room.js';
import { wholeList } from './telling.js';
import type { Told } from './telling.js';
import { Tellings } from './tellings.js';
import type { PresenceListener } from './tellings.js';
import { TopicMembers } from './topic-members.js';

/** What tells other nodes about the members of this one. Calls are synchronous, and must not throw. */
export interface PresenceAnnouncer {
  /** The topic has its first v2 member here, so the members of other nodes are wanted. `came` follows for that member. */
  opened(topic: string): void;
  /** The last v2 member has left; `left` came before. */
  closed(topic: string): void;
  /** A member of this node came, or has new data. v1 members that were there before the table are only in `here`. */
  came(topic: string, member: MemberInfo): void;
  left(topic: string, ids: readonly MemberId[]): void;
}

/** Sees the data of members of this node. Must not throw. */
export interface PresenceWatcher {
  /** A member has data, or other data than before. */
  changed(topic: string, connection: Connection, member: MemberInfo): void;
}

/**
 * The members of topics (V3-V5), on this node and on others, for those who look. Owns a table for each topic that has a
 * v2 member here, or that another node asked about. Knows nothing of sockets, nodes or encodings: a connection is a
 * key, and a node a name.
 * Invariant: a topic has a table only while it has a member here. Members of other nodes are kept only while there is
 * a v2 member here. `bytes` of the counts is the sum of the costs of all data and of all that is known of other nodes.
 */
@Injectable()
export class Presence implements OnModuleDestroy {
  announcer: PresenceAnnouncer | undefined;
  watcher: PresenceWatcher | undefined;
  readonly #tables = new Map<string, TopicMembers>();
  readonly #room: PresenceRoom;
  readonly #roomForOthers: PresenceRoom;
  readonly #others: OtherNodes;
  readonly #tellings: Tellings;
  /** Most members that are told one by one. */
  readonly #most: number;

  constructor(
    private readonly settings: Settings,
    private readonly ids: MemberIds,
    private readonly counts: PresenceCounts,
    clock: Clock,
  ) {
    this.#most = settings.presence ? settings.presenceMembers : 0;
    this.#room = new PresenceRoom(settings.presenceTotalBytes, counts);
    this.#roomForOthers = new PresenceRoom(settings.presenceTotalBytes * SHARE_OF_OTHERS, counts, this.#room);
    this.#tellings = new Tellings(this.#most, clock, counts, () => this.#others.step());
    this.#others = new OtherNodes(this.#roomForOthers, counts, this.#tellings);
  }

  set listener(listener: PresenceListener) {
    this.#tellings.listener = listener;
  }

  /** Topics with a table; 0 on a node without v2 peers. */
  get size(): number {
    return this.#tables.size;
  }

  onModuleDestroy(): void {
    this.#tellings.stop();
  }

  /** Does a bounded part of what is due; the timer calls it. Returns whether there may be more. */
  step(): boolean {
    return this.#tellings.step();
  }

  // --- members of this node

  /**
   * A v2 connection becomes a member; if it is one, its data are updated. Opens the table with all `subscribers` of the
   * topic, v1 too. Copies `data`; the caller has asked hasRoomFor. Returns the id.
   */
  join(topic: string, connection: Connection, subscribers: Iterable<Connection>, data?: Uint8Array): MemberId {
    const table = this.#tables.get(topic) ?? this.#open(topic, subscribers);
    const present = table.here.of(connection);
    if (present?.answers === true) {
      if (data !== undefined) this.update(topic, connection, data);
      return present.id;
    }
    const member = new LocalMember(present?.id ?? this.ids.next(), shownOf(data), connection, true, false);
    this.#room.take(costOfData(member.shown));
    this.#tellings.changing(table);
    this.#set(table, member);
    table.answering += 1;
    if (table.answering === 1) {
      this.#discharge(table);
      this.announcer?.opened(topic);
    }
    this.announcer?.came(topic, member);
    if (member.shown !== undefined) this.watcher?.changed(topic, connection, member);
    return member.id;
  }

  /** A v1 subscriber came. Nothing happens where there is no table. */
  came(topic: string, connection: Connection): void {
    const table = this.#tables.get(topic);
    if (table === undefined || table.here.of(connection) !== undefined) return;
    const member = new LocalMember(this.ids.next(), undefined, connection, false, false);
    this.#tellings.changing(table);
    this.#set(table, member);
    this.announcer?.came(topic, member);
  }

  /** A subscriber left, v1 or v2. */
  left(topic: string, connection: Connection): void {
    const table = this.#tables.get(topic);
    const member = table?.here.of(connection);
    if (table === undefined || member === undefined) return;
    this.#stopLooking(table, member);
    this.#tellings.changing(table);
    table.here.delete(member.id);
    this.counts.members.here -= 1;
    this.#room.give(costOfData(member.shown));
    if (member.answers) table.answering -= 1;
    this.announcer?.left(topic, [member.id]);
    if (member.answers && table.answering === 0) {
      this.#others.leave(table);
      table.partial = false;
      this.announcer?.closed(topic);
    }
    this.#closeIfIdle(table);
  }

  /** A member has new data, which are copied; the caller has asked hasRoomFor. The same data again are no news. */
  update(topic: string, connection: Connection, data: Uint8Array): void {
    const table = this.#tables.get(topic);
    const member = table?.here.of(connection);
    const shown = shownOf(data);
    if (table === undefined || member === undefined || member.shown === shown) return;
    this.#room.take(costOfData(shown) - costOfData(member.shown));
    const updated = new LocalMember(member.id, shown, connection, member.answers, member.looks);
    this.#tellings.changing(table);
    this.#set(table, updated);
    this.announcer?.came(topic, updated);
    this.watcher?.changed(topic, connection, updated);
  }

  /**
   * A v2 member begins to look, or looks again. Returns what it must be told now; undefined for nobody. Later news go
   * to the listener.
   */
  look(topic: string, connection: Connection): Told | undefined {
    const table = this.#tables.get(topic);
    const member = table?.here.of(connection);
    if (table === undefined || member?.answers !== true) return undefined;
    if (!member.looks) {
      member.looks = true;
      table.lookers += 1;
      this.counts.lookers += 1;
    }
    table.telling?.looks(connection);
    const truth = table.truth(this.#most);
    if (truth.list !== undefined) return wholeList(truth, truth.list, member.id);
    const self = this.settings.presence ? member.id : undefined;
    return { count: truth.count, self, joined: undefined, left: undefined, partial: truth.partial };
  }

  stopLooking(topic: string, connection: Connection): void {
    const table = this.#tables.get(topic);
    const member = table?.here.of(connection);
    if (table !== undefined && member !== undefined) this.#stopLooking(table, member);
  }

  memberOf(topic: string, connection: Connection): MemberId | undefined {
    return this.#tables.get(topic)?.here.of(connection)?.id;
  }

  connectionOf(topic: string, id: MemberId): Connection | undefined {
    return this.#tables.get(topic)?.here.get(id)?.connection;
  }

  /** Whether there is room for data of so many bytes (`presence-total-bytes`). */
  hasRoomFor(bytes: number): boolean {
    return this.#room.has(costOfData({ length: bytes }));
  }

  // --- members of other nodes

  /** The members of this node; undefined where there is no table. */
  here(topic: string): MemberInfo[] | undefined {
    const table = this.#tables.get(topic);
    return table === undefined ? undefined : [...table.here];
  }

  /**
   * Another node has v2 members of the topic, and wants to know all `subscribers` of this one. Returns them. They are
   * announced until closeFor. A table that no v2 member here wants has to find room; if it does not, nobody is returned.
   */
  openFor(topic: string, subscribers: Iterable<Connection>): MemberInfo[] {
    const known = this.#tables.get(topic);
    const table = known ?? this.#open(topic, subscribers);
    table.announced = known !== undefined || this.#charge(table);
    const members = table.announced ? [...table.here] : [];
    this.#closeIfIdle(table);
    return members;
  }

  /** No other node has v2 members of the topic any more. */
  closeFor(topic: string): void {
    const table = this.#tables.get(topic);
    if (table === undefined) return;
    table.announced = false;
    this.#closeIfIdle(table);
  }

  /** How many members of other nodes are known. */
  elsewhere(topic: string): number {
    return this.#tables.get(topic)?.elsewhere?.size ?? 0;
  }

  isElsewhere(topic: string, id: MemberId): boolean {
    return this.#tables.get(topic)?.elsewhere?.get(id) !== undefined;
  }

  /**
   * These are all members that a node has. Returns false if some found no room. Without a v2 member here, none is kept.
   */
  setNode(topic: string, node: string, members: readonly MemberInfo[]): boolean {
    const table = this.#tables.get(topic);
    return table === undefined || this.#others.set(table, node, members);
  }

  /** A member of a node came, or has new data. Returns false if it found no room. */
  addTo(topic: string, node: string, member: MemberInfo): boolean {
    const table = this.#tables.get(topic);
    return table === undefined || this.#others.add(table, node, member);
  }

  removeFrom(topic: string, node: string, ids: readonly MemberId[]): void {
    const table = this.#tables.get(topic);
    if (table !== undefined) this.#others.remove(table, node, ids);
  }

  /** A node is gone: its members leave, within a few turns of the event loop. */
  forgetNode(node: string): void {
    if (this.#others.forget(node)) this.#tellings.wake();
  }

  /** Notes whether there may be members on other nodes that are not known. */
  setPartial(topic: string, partial: boolean): void {
    const table = this.#tables.get(topic);
    if (table === undefined || table.answering === 0 || table.partial === partial) return;
    this.#tellings.changing(table);
    table.partial = partial;
  }

  /** A table with all who subscribe. Nobody is told: nobody looks. */
  #open(topic: string, subscribers: Iterable<Connection>): TopicMembers {
    const table = new TopicMembers(topic);
    this.#tables.set(topic, table);
    this.counts.tables += 1;
    for (const connection of subscribers) {
      this.#set(table, new LocalMember(this.ids.next(), undefined, connection, false, false));
    }
    return table;
  }

  /** A stranger on the bus could ask about every topic. */
  #charge(table: TopicMembers): boolean {
    const cost = costOfTable(table.here.size);
    if (!this.#roomForOthers.has(cost)) return false;
    this.#roomForOthers.take(cost);
    table.charged = cost;
    return true;
  }

  #discharge(table: TopicMembers): void {
    this.#roomForOthers.give(table.charged);
    table.charged = 0;
  }

  #set(table: TopicMembers, member: LocalMember): void {
    this.counts.members.here -= table.here.size;
    table.here.set(member);
    this.counts.members.here += table.here.size;
  }

  #stopLooking(table: TopicMembers, member: LocalMember): void {
    if (!member.looks) return;
    member.looks = false;
    table.lookers -= 1;
    this.counts.lookers -= 1;
    table.telling?.looksNoMore(member.connection);
  }

  #closeIfIdle(table: TopicMembers): void {
    // The announcer may have closed it while it was told that somebody left.
    if (this.#tables.get(table.topic) !== table) return;
    if (table.here.size > 0 && (table.answering > 0 || table.announced)) return;
    this.#discharge(table);
    this.#tables.delete(table.topic);
    this.#tellings.forget(table);
    this.counts.tables -= 1;
    this.counts.members.here -= table.here.size;
  }
}
