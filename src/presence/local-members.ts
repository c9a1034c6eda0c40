import type { Connection } from '../connection/connection.js';
import type { MemberId } from '../protocol/member.js';
import { Member, MemberList } from './member-list.js';

/** A member on this node. */
export class LocalMember extends Member {
  constructor(
    id: MemberId,
    shown: string | undefined,
    readonly connection: Connection,
    /** Whether it speaks v2: only then it may look, and is a reason to know the members of other nodes. */
    readonly answers: boolean,
    /** Whether it is told who comes and goes. */
    public looks: boolean,
  ) {
    super(id, shown);
  }
}

/**
 * The members of a topic on this node, found by their connection too.
 * Invariant: a connection is in it once.
 */
export class LocalMembers extends MemberList<LocalMember> {
  /** Undefined while the members are few. */
  #byConnection: Map<Connection, LocalMember> | undefined;

  of(connection: Connection): LocalMember | undefined {
    if (this.#byConnection !== undefined) return this.#byConnection.get(connection);
    for (const member of this) if (member.connection === connection) return member;
    return undefined;
  }

  override set(member: LocalMember): void {
    super.set(member);
    if (this.#byConnection !== undefined) this.#byConnection.set(member.connection, member);
    else if (this.indexed) this.#byConnection = new Map(Array.from(this, (each) => [each.connection, each]));
  }

  override delete(id: MemberId): void {
    const connection = this.#byConnection === undefined ? undefined : this.get(id)?.connection;
    super.delete(id);
    if (!this.indexed) this.#byConnection = undefined;
    else if (connection !== undefined) this.#byConnection!.delete(connection);
  }
}
