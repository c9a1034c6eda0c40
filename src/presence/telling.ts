import type { Expiring, ExpiryList } from '../clock/expiry-list.js';
import type { Connection } from '../connection/connection.js';
import type { MemberId } from '../protocol/member.js';
import type { LocalMember } from './local-members.js';
import type { Member, MemberInfo } from './member-list.js';
import type { TopicMembers } from './topic-members.js';

/** What somebody who looks is told (V4). It is only lent. */
export interface Told {
  /** Members of the topic, the one who is told among them. */
  readonly count: number;
  /** The id of the one who is told: what he knew before is void. */
  readonly self: MemberId | undefined;
  /** Who came, or has new data; with `self`, everybody else. With neither this nor `left`, the list is not known. */
  readonly joined: readonly MemberInfo[] | undefined;
  readonly left: readonly MemberId[] | undefined;
  /** Whether there may be members on other nodes that are not known. */
  readonly partial: boolean;
}

/** The same news for all of these. */
export interface News {
  readonly lookers: Connection[];
  readonly told: Told;
}

/** What somebody who looks was told last. */
export interface Belief {
  readonly count: number;
  readonly partial: boolean;
  /** Undefined where he was told only how many there are. */
  readonly list: readonly Member[] | undefined;
}

/**
 * What those who look at a topic believe while it is not the truth, and when they may be told. Owns the beliefs; knows
 * nothing of the clock.
 * Invariant: while there is no belief, everybody who looks believes the truth.
 */
export class Telling implements Expiring<Telling> {
  previous: Telling | undefined;
  next: Telling | undefined;
  list: ExpiryList<Telling> | undefined;
  /** When news may be told next, in milliseconds on the monotonic clock. */
  notBefore = 0;
  /** Changes since the last news. */
  changes = 0;
  #belief: Belief | undefined;
  /** Of those who were told the members since the first of the changes. */
  #own: Map<Connection, Belief> | undefined;
  /** The belief of those who are told the members now; undefined after another change. */
  #latest: Belief | undefined;

  constructor(
    readonly table: TopicMembers,
    private readonly most: number,
  ) {}

  /** Something is about to change. */
  changing(): void {
    this.#belief ??= this.table.truth(this.most);
    this.#latest = undefined;
    this.changes += 1;
  }

  /** A connection is told all members now. */
  looks(connection: Connection): void {
    if (this.#belief === undefined) return;
    this.#own ??= new Map();
    this.#own.set(connection, (this.#latest ??= this.table.truth(this.most)));
  }

  looksNoMore(connection: Connection): void {
    this.#own?.delete(connection);
  }

  /** Returns who must be told what, and takes for granted that they are. */
  take(): News[] {
    const belief = this.#belief;
    if (belief === undefined) return [];
    const now = this.table.truth(this.most);
    const lookers = this.table.here.all.filter(({ looks }) => looks);
    const believing = (looker: LocalMember): Belief => this.#own?.get(looker.connection) ?? belief;
    const news = now.list === undefined ? counted(lookers, believing, now) : listed(lookers, believing, now, now.list);
    this.#clear();
    return news;
  }

  #clear(): void {
    this.changes = 0;
    this.#belief = undefined;
    this.#own = undefined;
    this.#latest = undefined;
  }
}

type Believing = (looker: LocalMember) => Belief;

/** Too many members to be listed: those who do not know how many are told that. */
function counted(lookers: LocalMember[], believing: Believing, { count, partial }: Belief): News[] {
  const wrong = lookers.filter((looker) => {
    const belief = believing(looker);
    // Whoever knows a list believes that there are fewer.
    return belief.count !== count || belief.partial !== partial;
  });
  if (wrong.length === 0) return [];
  const told = { count, self: undefined, joined: undefined, left: undefined, partial };
  return [{ lookers: wrong.map(({ connection }) => connection), told }];
}

/** Those who know the list are told what is new to them; the others get all of it. */
function listed(lookers: LocalMember[], believing: Believing, now: Belief, list: readonly Member[]): News[] {
  const differences = new Map<Belief, Difference>();
  const whole: News[] = [];
  const news = new Map<string, News>();
  for (const looker of lookers) {
    const belief = believing(looker);
    if (belief.list === undefined) {
      whole.push({ lookers: [looker.connection], told: wholeList(now, list, looker.id) });
      continue;
    }
    let difference = differences.get(belief);
    if (difference === undefined) {
      difference = differenceOf(belief.list, list);
      differences.set(belief, difference);
    }
    if (difference.joined.includes(looker)) difference = without(looker, difference);
    const { joined, left, key } = difference;
    if (key === '' && belief.partial === now.partial) continue;
    const same = news.get(key);
    if (same === undefined) news.set(key, { lookers: [looker.connection], told: toldOf(now, joined, left) });
    else same.lookers.push(looker.connection);
  }
  return [...whole, ...news.values()];
}

/** The answer to someone who begins to look: all members but himself. */
export function wholeList({ count, partial }: Belief, list: readonly MemberInfo[], self: MemberId): Told {
  return { count, self, joined: list.filter(({ id }) => id !== self), left: undefined, partial };
}

function toldOf({ count, partial }: Belief, joined: readonly MemberInfo[], left: readonly MemberId[]): Told {
  return {
    count,
    self: undefined,
    joined: joined.length > 0 || left.length === 0 ? joined : undefined,
    left: left.length > 0 ? left : undefined,
    partial,
  };
}

interface Difference {
  readonly joined: readonly MemberInfo[];
  readonly left: readonly MemberId[];
  /** The same for the same difference from the same list; empty for none. */
  readonly key: string;
}

const SAME: Difference = { joined: [], left: [], key: '' };

function differenceOf(before: readonly Member[], now: readonly Member[]): Difference {
  if (before === now) return SAME;
  const present = new Set(now.map(({ id }) => id));
  const known = new Map(before.map(({ id, shown }) => [id, shown]));
  return differing(
    now.filter(({ id, shown }) => !known.has(id) || known.get(id) !== shown),
    before.map(({ id }) => id).filter((id) => !present.has(id)),
  );
}

function without(member: MemberInfo, { joined, left }: Difference): Difference {
  return differing(
    joined.filter((other) => other !== member),
    left,
  );
}

function differing(joined: readonly MemberInfo[], left: readonly MemberId[]): Difference {
  // An id is in one of them only, and all have the same length.
  const key = [...joined.map(({ id }) => id), ...left].join('');
  return { joined, left, key };
}
