import type { MemberId } from '../protocol/member.js';

/** A member of a topic, as others are told it. It never changes: new data make a new one with the same id. */
export interface MemberInfo {
  readonly id: MemberId;
  /** What it shows to the others (V5); undefined for nothing. */
  readonly data: Buffer | undefined;
}

/**
 * A member as it is kept. The data are a text whose characters are bytes: next to it, the object and the native memory
 * of a Buffer would take 250 to 400 bytes.
 */
export class Member implements MemberInfo {
  constructor(
    readonly id: MemberId,
    readonly shown: string | undefined,
  ) {}

  /** A copy. */
  get data(): Buffer | undefined {
    return this.shown === undefined ? undefined : Buffer.from(this.shown, 'latin1');
  }
}

/** Data as they are kept: a copy. */
export function shownOf(data: Uint8Array | undefined): string | undefined {
  return data && Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1');
}

/** Members that are looked for one by one. More have an index, which takes much more memory for each. */
const FEW = 8;
const NOBODY: readonly never[] = [];

/** Members that are left when an index is given up: fewer than FEW, so that none is made and given up in turns. */
const SO_FEW = 4;

/**
 * Members in the order in which they came. Owns the list alone. Most topics have two members, so few take little
 * memory; and a thousand are found at once.
 * Invariant: an id is in it once.
 */
export class MemberList<M extends Member> implements Iterable<M> {
  /** An array is never changed in place. */
  #members: readonly M[] | Map<MemberId, M> = NOBODY;

  /** Whether members are found by an index. */
  get indexed(): boolean {
    return this.#members instanceof Map;
  }

  get size(): number {
    const members = this.#members;
    return members instanceof Map ? members.size : members.length;
  }

  /** All of them. The array never changes, and is the same while nobody comes or goes, as long as they are few. */
  get all(): readonly M[] {
    const members = this.#members;
    return members instanceof Map ? [...members.values()] : members;
  }

  get(id: MemberId): M | undefined {
    const members = this.#members;
    if (members instanceof Map) return members.get(id);
    for (const member of members) if (member.id === id) return member;
    return undefined;
  }

  /** Adds a member. One with the same id is replaced, in its place. */
  set(member: M): void {
    const members = this.#members;
    if (members instanceof Map) {
      members.set(member.id, member);
      return;
    }
    const place = members.findIndex(({ id }) => id === member.id);
    if (place >= 0) this.#members = members.with(place, member);
    else if (members.length < FEW) this.#members = members.concat(member);
    else this.#members = new Map([...members, member].map((each) => [each.id, each]));
  }

  delete(id: MemberId): void {
    const members = this.#members;
    if (!(members instanceof Map)) this.#members = members.filter((member) => member.id !== id);
    else if (members.delete(id) && members.size <= SO_FEW) this.#members = [...members.values()];
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#members.values();
  }
}
