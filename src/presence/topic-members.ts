import { LocalMembers } from './local-members.js';
import type { Member, MemberList } from './member-list.js';
import type { RemoteMember } from './other-nodes.js';
import type { Belief, Telling } from './telling.js';

/**
 * The members of one topic, on all nodes as far as they are known. Owns the lists, and what those who look believe
 * while it differs from them. Knows nothing of time or bounds.
 * Invariant: `answering` and `lookers` count the local members that speak v2, and of those the ones that look.
 */
export class TopicMembers {
  readonly here = new LocalMembers();
  /** Undefined while nobody is known. */
  elsewhere: MemberList<RemoteMember> | undefined;
  answering = 0;
  lookers = 0;
  /** Whether there may be members on other nodes that are not known. */
  partial = false;
  /** Whether another node wants to know who is here. */
  announced = false;
  /** Bytes that the room accounts for, while another node alone wants the table. */
  charged = 0;
  /** What those who look are to be told, and when; undefined while they know it all. */
  telling: Telling | undefined;

  constructor(readonly topic: string) {}

  get count(): number {
    return this.here.size + (this.elsewhere?.size ?? 0);
  }

  /** What is so, for those who are told the members one by one where there are at most `most`. */
  truth(most: number): Belief {
    const { count, partial, here, elsewhere } = this;
    if (count > most) return { count, partial, list: undefined };
    const list: readonly Member[] = here.all;
    return { count, partial, list: elsewhere === undefined ? list : list.concat(elsewhere.all) };
  }
}
