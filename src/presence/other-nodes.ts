import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import type { PresenceCounts } from '../metrics/presence-counts.js';
import type { MemberId } from '../protocol/member.js';
import { Member, MemberList, shownOf } from './member-list.js';
import type { MemberInfo } from './member-list.js';
import { costOfNode, costOfRemote } from './presence-cost.js';
import type { PresenceRoom } from './presence-room.js';
import type { Tellings } from './tellings.js';
import type { TopicMembers } from './topic-members.js';

/** A member on another node. */
export class RemoteMember extends Member implements Expiring<RemoteMember> {
  previous: RemoteMember | undefined;
  next: RemoteMember | undefined;
  list: NodeMembers | undefined;

  constructor(
    id: MemberId,
    shown: string | undefined,
    readonly table: TopicMembers,
  ) {
    super(id, shown);
  }
}

/** All that is known of the members of one node. */
class NodeMembers extends ExpiryList<RemoteMember> {
  constructor(readonly node: string) {
    super();
  }
}

/** Members of nodes that are gone which are removed in one step. */
const FORGOTTEN_PER_STEP = 1000;

/**
 * The members of other nodes, as those nodes tell them. Owns what is known of each node, within the room for it.
 * Invariant: a member is in the table of its topic, and in the list of the node that named it last. No node has an
 * empty list.
 */
export class OtherNodes {
  readonly #nodes = new Map<string, NodeMembers>();
  /** Of nodes that are gone. */
  readonly #forgotten: NodeMembers[] = [];

  constructor(
    private readonly room: PresenceRoom,
    private readonly counts: PresenceCounts,
    private readonly tellings: Tellings,
  ) {}

  /** These are all members of a node. Returns false if some found no room. */
  set(table: TopicMembers, node: string, members: readonly MemberInfo[]): boolean {
    const staying = new Set(members.map(({ id }) => id));
    const list = this.#nodes.get(node);
    for (const member of table.elsewhere ?? []) {
      if (member.list === list && !staying.has(member.id)) this.#remove(member);
    }
    let room = true;
    for (const member of members) room = this.add(table, node, member) && room;
    return room;
  }

  /** A member of a node came, or has new data. Returns false if there is no room. */
  add(table: TopicMembers, node: string, { id, data }: MemberInfo): boolean {
    // Nobody takes the place of a member of this node.
    if (table.answering === 0 || table.here.get(id) !== undefined) return true;
    const known = table.elsewhere?.get(id);
    const list = this.#nodes.get(node);
    const shown = shownOf(data);
    if (known !== undefined && known.list === list && known.shown === shown) return true;
    if (!this.room.has(costOfRemote(shown) + (list === undefined ? costOfNode(node) : 0))) return false;
    this.tellings.changing(table);
    if (known !== undefined) this.#unlist(known);
    const added = new RemoteMember(id, shown, table);
    this.room.take(costOfRemote(shown));
    this.counts.members.elsewhere += 1;
    table.elsewhere ??= new MemberList();
    table.elsewhere.set(added);
    this.#listOf(node).append(added);
    return true;
  }

  /** Members of a node left. Those that another node named since stay. */
  remove(table: TopicMembers, node: string, ids: readonly MemberId[]): void {
    const list = this.#nodes.get(node);
    for (const id of ids) {
      const member = table.elsewhere?.get(id);
      if (member !== undefined && member.list === list) this.#remove(member);
    }
  }

  /** A node is gone: `step` removes its members. Returns whether it has any. */
  forget(node: string): boolean {
    const list = this.#nodes.get(node);
    if (list === undefined) return false;
    this.#drop(list);
    this.#forgotten.push(list);
    return true;
  }

  /** Nobody wants to know the members of other nodes any more. */
  leave(table: TopicMembers): void {
    for (const member of table.elsewhere ?? []) this.#unlist(member);
    table.elsewhere = undefined;
  }

  /** Removes a bounded number of members of nodes that are gone. Returns whether there are more. */
  step(): boolean {
    for (let removed = 0; removed < FORGOTTEN_PER_STEP; removed += 1) {
      const member = this.#forgotten.at(-1)?.first;
      if (member !== undefined) this.#remove(member);
      else if (this.#forgotten.pop() === undefined) return false;
    }
    return true;
  }

  #remove(member: RemoteMember): void {
    this.tellings.changing(member.table);
    this.#unlist(member);
    const { elsewhere } = member.table;
    elsewhere!.delete(member.id);
    if (elsewhere!.size === 0) member.table.elsewhere = undefined;
  }

  #unlist(member: RemoteMember): void {
    const list = member.list!;
    list.remove(member);
    if (list.first === undefined && this.#nodes.get(list.node) === list) this.#drop(list);
    this.room.give(costOfRemote(member.shown));
    this.counts.members.elsewhere -= 1;
  }

  #drop({ node }: NodeMembers): void {
    this.#nodes.delete(node);
    this.room.give(costOfNode(node));
  }

  #listOf(node: string): NodeMembers {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const list = new NodeMembers(node);
    this.#nodes.set(node, list);
    this.room.take(costOfNode(node));
    return list;
  }
}
