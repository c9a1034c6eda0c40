import type { Said } from './v2-peer.js';

/**
 * What a member believes about a topic from the Members that it was told (V4). Invariant: `members` is undefined exactly
 * while the list is not known. Throws at news that an honest server never tells.
 */
export class Roster {
  /** Members including itself, by the server's own count. */
  count = 0;
  /** Its own id, in hex. */
  self: string | undefined;
  partial = false;
  /** Everybody else: data by id in hex. */
  members: Map<string, Buffer | undefined> | undefined;

  apply({ count, self, joined, left, partial }: Said['Members']): this {
    this.count = count;
    this.partial = partial === true;
    const isFull = self !== undefined;
    if (isFull) this.self = self.toString('hex');
    if (joined === undefined && left === undefined) this.members = undefined;
    else if (isFull) this.members = new Map();
    else if (this.members === undefined) throw new Error('told a change of a list that it does not know');
    for (const id of left ?? []) {
      const known = this.members?.delete(id.toString('hex')) === true;
      if (!known) throw new Error('told that somebody left who was not there');
    }
    for (const { id, data } of joined ?? []) {
      const name = id.toString('hex');
      if (name === this.self) throw new Error('listed in its own joined');
      this.members?.set(name, data);
    }
    if (this.members !== undefined && !this.partial && this.members.size + 1 !== count) {
      throw new Error(`told ${count} members, where ${this.members.size + 1} are known`);
    }
    return this;
  }

  /** Ids in hex, sorted; undefined while they are not known. */
  get ids(): string[] | undefined {
    return this.members && [...this.members.keys()].toSorted();
  }
}
