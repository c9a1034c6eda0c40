import { expect } from '@jest/globals';
import type { Told } from '../../src/presence/telling.js';
import { costOfData, costOfNode, costOfRemote, costOfTable } from '../../src/presence/presence-cost.js';
import type { MemberId } from '../../src/protocol/member.js';
import type { Heard } from '../support/presence-stage.js';
import { PresenceStage } from '../support/presence-stage.js';

/** Ids of members elsewhere; any node may name any of them, as a hostile one would. */
const IDS = ['elsewh-0', 'elsewh-1', 'elsewh-2', 'elsewh-3'];

/** Instead of a node: its members are there until the next turn. */
const GONE = '';

/** One thing that peers, or other nodes, do. */
export type PresenceStep =
  | { readonly act: 'join'; readonly who: number; readonly topic: string; readonly data: string | undefined }
  | { readonly act: 'come' | 'leave' | 'look' | 'look away'; readonly who: number; readonly topic: string }
  | { readonly act: 'update'; readonly who: number; readonly topic: string; readonly data: string }
  | {
      readonly act: 'node has' | 'node adds';
      readonly topic: string;
      readonly node: string;
      readonly ids: readonly number[];
      readonly data: string | undefined;
    }
  | { readonly act: 'node removes'; readonly topic: string; readonly node: string; readonly ids: readonly number[] }
  | { readonly act: 'node is gone'; readonly node: string }
  | { readonly act: 'partial'; readonly topic: string; readonly partial: boolean }
  | { readonly act: 'open for others' | 'close for others'; readonly topic: string }
  | { readonly act: 'wait'; readonly milliseconds: number };

interface Local {
  readonly who: number;
  readonly id: MemberId;
  readonly v2: boolean;
  data: string | undefined;
}

interface Remote {
  node: string;
  data: string | undefined;
}

/** What is so on a topic. */
interface Table {
  here: Local[];
  readonly elsewhere: Map<MemberId, Remote>;
  partial: boolean;
  announced: boolean;
  /** Of its own memory, while nobody here wants it. */
  charged: number;
  /** When there was news last, and whether it was a number only. */
  told: { at: number; counted: boolean } | undefined;
  /** What another node knows of this one. */
  mirror: Map<MemberId, string | undefined>;
}

/** What a client makes of what it is told. */
interface View {
  readonly id: MemberId;
  list: Map<MemberId, string | undefined> | undefined;
  count: number;
  partial: boolean;
}

const text = (data: Buffer | undefined): string | undefined => data?.toString();

/**
 * Presence beside a plain model: lists that are searched from end to end. The model says what is so; what lookers
 * believe is only what they were told.
 */
export class PresenceModel {
  readonly #stage: PresenceStage;
  /** v1 subscribers and v2 members of each topic. */
  readonly #subscribers = new Map<string, Set<number>>();
  readonly #tables = new Map<string, Table>();
  readonly #views = new Map<string, View>();

  constructor(
    private readonly most: number,
    private readonly on: boolean,
  ) {
    this.#stage = new PresenceStage({ presence: on, presenceMembers: most });
    this.#stage.presence.announcer = {
      opened: () => undefined,
      closed: () => undefined,
      came: (topic, { id, data }) => this.#tables.get(topic)?.mirror.set(id, text(data)),
      left: (topic, ids) => ids.forEach((id) => this.#tables.get(topic)?.mirror.delete(id)),
    };
  }

  do(step: PresenceStep): void {
    const { presence } = this.#stage;
    switch (step.act) {
      case 'join':
        this.#subscribe(step.topic, step.who, true, step.data);
        break;
      case 'come':
        this.#subscribe(step.topic, step.who, false, undefined);
        break;
      case 'leave':
        this.#leave(step.topic, step.who);
        break;
      case 'update': {
        const member = this.#here(step.topic).find(({ who }) => who === step.who);
        if (member !== undefined) member.data = step.data;
        presence.update(step.topic, this.#stage.peer(step.who), Buffer.from(step.data));
        break;
      }
      case 'look':
        this.#look(step.topic, step.who);
        break;
      case 'look away':
        this.#views.delete(`${step.topic} ${step.who}`);
        presence.stopLooking(step.topic, this.#stage.peer(step.who));
        break;
      case 'partial': {
        const table = this.#tables.get(step.topic);
        if (table?.here.some(({ v2 }) => v2) === true) table.partial = step.partial;
        presence.setPartial(step.topic, step.partial);
        break;
      }
      case 'open for others':
        this.#openFor(step.topic);
        break;
      case 'close for others': {
        const table = this.#tables.get(step.topic);
        if (table !== undefined) table.announced = false;
        presence.closeFor(step.topic);
        this.#closeIfIdle(step.topic);
        break;
      }
      case 'wait':
        this.settle(step.milliseconds);
        break;
      default:
        this.#otherNode(step);
    }
  }

  /** Time passes, and what is due is told. Then whoever may be told by now knows what is so. */
  settle(milliseconds: number): void {
    for (const { elsewhere } of this.#tables.values()) {
      for (const [id, { node }] of elsewhere) if (node === GONE) elsewhere.delete(id);
    }
    this.#hear(this.#stage.pass(milliseconds));
    const now = this.#stage.clock.monotonic();
    for (const [key, view] of this.#views) {
      const [topic] = key.split(' ');
      const { told } = this.#tables.get(topic)!;
      if (told !== undefined && now < told.at + (told.counted ? 2000 : 250)) continue;
      expect({ key, ...view }).toEqual({ key, id: view.id, ...this.#truth(topic, view.id) });
    }
    this.#compare();
  }

  /** Ends the timer. */
  end(): void {
    this.#stage.presence.onModuleDestroy();
  }

  // --- what happens

  #here(topic: string): Local[] {
    return this.#tables.get(topic)?.here ?? [];
  }

  #subscribe(topic: string, who: number, v2: boolean, data: string | undefined): void {
    const { presence } = this.#stage;
    const subscribers = this.#subscribers.get(topic) ?? new Set();
    this.#subscribers.set(topic, subscribers);
    const others = [...subscribers];
    const peer = this.#stage.peer(who);
    if (!v2) {
      subscribers.add(who);
      presence.came(topic, peer);
      const table = this.#tables.get(topic);
      if (table !== undefined && !others.includes(who)) this.#add(table, topic, who, false, undefined);
      return;
    }
    const bytes = data === undefined ? undefined : Buffer.from(data);
    // Half of the time the newcomer is among the subscribers already.
    if (who % 2 === 0) subscribers.add(who);
    let table = this.#tables.get(topic);
    if (table === undefined) {
      table = {
        here: [],
        elsewhere: new Map(),
        partial: false,
        announced: false,
        charged: 0,
        told: undefined,
        mirror: new Map(),
      };
      this.#tables.set(topic, table);
      presence.join(
        topic,
        peer,
        Array.from(subscribers, (each) => this.#stage.peer(each)),
        bytes,
      );
      for (const other of others) this.#add(table, topic, other, false, undefined);
      this.#add(table, topic, who, true, data);
    } else {
      presence.join(topic, peer, [], bytes);
      const member = table.here.find((each) => each.who === who);
      if (member === undefined) this.#add(table, topic, who, true, data);
      else if (data !== undefined) member.data = data;
    }
    subscribers.add(who);
  }

  /** Takes over the id that was made. */
  #add(table: Table, topic: string, who: number, v2: boolean, data: string | undefined): void {
    const id = this.#stage.presence.memberOf(topic, this.#stage.peer(who))!;
    expect(id).toBeDefined();
    expect(table.here.map((member) => member.id)).not.toContain(id);
    table.here.push({ who, id, v2, data });
    if (v2) table.charged = 0;
  }

  #leave(topic: string, who: number): void {
    this.#subscribers.get(topic)?.delete(who);
    this.#views.delete(`${topic} ${who}`);
    this.#stage.presence.left(topic, this.#stage.peer(who));
    const table = this.#tables.get(topic);
    if (table === undefined) return;
    table.here = table.here.filter((member) => member.who !== who);
    this.#closeIfIdle(topic);
  }

  #look(topic: string, who: number): void {
    const told = this.#stage.presence.look(topic, this.#stage.peer(who));
    const member = this.#here(topic).find((each) => each.who === who);
    expect(told === undefined).toBe(member?.v2 !== true);
    if (told === undefined || member === undefined) return;
    expect(told.self).toBe(this.on ? member.id : undefined);
    expect(told.left).toBeUndefined();
    const view = { id: member.id, list: listOf(told), count: told.count, partial: told.partial };
    expect(view).toEqual({ id: member.id, ...this.#truth(topic, member.id) });
    this.#views.set(`${topic} ${who}`, view);
  }

  #openFor(topic: string): void {
    const subscribers = [...(this.#subscribers.get(topic) ?? [])];
    const members = this.#stage.presence.openFor(
      topic,
      subscribers.map((who) => this.#stage.peer(who)),
    );
    if (subscribers.length === 0) {
      expect(members).toEqual([]);
      return;
    }
    let table = this.#tables.get(topic);
    if (table === undefined) {
      table = {
        here: [],
        elsewhere: new Map(),
        partial: false,
        announced: true,
        charged: costOfTable(subscribers.length),
        told: undefined,
        mirror: new Map(),
      };
      this.#tables.set(topic, table);
      for (const who of subscribers) this.#add(table, topic, who, false, undefined);
    }
    table.announced = true;
    table.mirror = new Map(members.map(({ id, data }) => [id, text(data)]));
    expect(table.mirror).toEqual(new Map(table.here.map(({ id, data }) => [id, data])));
  }

  #otherNode(step: Extract<PresenceStep, { readonly node: string }>): void {
    const { presence } = this.#stage;
    if (step.act === 'node is gone') {
      for (const { elsewhere } of this.#tables.values()) {
        for (const member of elsewhere.values()) if (member.node === step.node) member.node = GONE;
      }
      presence.forgetNode(step.node);
      return;
    }
    const { topic, node } = step;
    const ids = step.ids.map((n) => IDS[n]);
    const table = this.#tables.get(topic);
    const wanted = table?.here.some(({ v2 }) => v2) === true;
    const isTheirs = (id: MemberId): boolean => table?.elsewhere.get(id)?.node === node;
    if (step.act === 'node removes') {
      for (const id of ids) if (isTheirs(id)) table!.elsewhere.delete(id);
      presence.removeFrom(topic, node, ids);
      return;
    }
    const data = step.data === undefined ? undefined : Buffer.from(step.data);
    const members = ids.map((id) => ({ id, data }));
    if (step.act === 'node has') {
      for (const id of IDS) if (isTheirs(id) && !ids.includes(id)) table!.elsewhere.delete(id);
      expect(presence.setNode(topic, node, members)).toBe(true);
    } else for (const member of members) expect(presence.addTo(topic, node, member)).toBe(true);
    if (wanted) for (const id of ids) table.elsewhere.set(id, { node, data: step.data });
  }

  #closeIfIdle(topic: string): void {
    const table = this.#tables.get(topic);
    if (table === undefined) return;
    if (!table.here.some(({ v2 }) => v2)) {
      table.elsewhere.clear();
      table.partial = false;
      if (!table.announced) table.here = [];
    }
    if (table.here.length === 0) this.#tables.delete(topic);
  }

  // --- what is so, and what lookers make of what they are told

  #truth(topic: string, self: MemberId): Omit<View, 'id'> {
    const { here, elsewhere, partial } = this.#tables.get(topic)!;
    const all = [...here.map(({ id, data }) => [id, data] as const), ...[...elsewhere].map(withData)];
    const listed = this.on && all.length <= this.most;
    const list = listed ? new Map(all.filter(([id]) => id !== self)) : undefined;
    return { list, count: all.length, partial };
  }

  #hear(heard: Heard[]): void {
    const rounds = new Set<string>();
    const said = new Set<string>();
    const hearers = new Set<string>();
    for (const { at, topic, by, told } of heard) {
      const table = this.#tables.get(topic)!;
      const round = `${topic} ${at}`;
      if (!rounds.has(round) && table.told !== undefined) {
        expect(at - table.told.at).toBeGreaterThanOrEqual(table.told.counted ? 2000 : 250);
      }
      rounds.add(round);
      table.told = { at, counted: told.joined === undefined && told.left === undefined };
      // One frame for all who are told the same, and one for each of them.
      const words = `${round} ${wordsOf(told)}`;
      expect(said).not.toContain(words);
      said.add(words);
      expect(by).not.toEqual([]);
      for (const who of by) {
        expect(hearers).not.toContain(`${round} ${who}`);
        hearers.add(`${round} ${who}`);
        apply(told, this.#views.get(`${topic} ${who}`)!);
      }
    }
  }

  /** What Presence answers, and what it counts. */
  #compare(): void {
    const { presence, counts } = this.#stage;
    const tables = [...this.#tables];
    for (const [topic, { here, elsewhere, announced, mirror }] of tables) {
      const known = new Map(presence.here(topic)!.map(({ id, data }) => [id, text(data)]));
      expect(known).toEqual(new Map(here.map(({ id, data }) => [id, data])));
      if (announced) expect(mirror).toEqual(known);
      for (const { who, id } of here) {
        expect(presence.memberOf(topic, this.#stage.peer(who))).toBe(id);
        expect(presence.connectionOf(topic, id)).toBe(this.#stage.peer(who));
      }
      expect(presence.elsewhere(topic)).toBe(elsewhere.size);
      for (const id of IDS) expect(presence.isElsewhere(topic, id)).toBe(elsewhere.has(id));
    }
    const remote = tables.flatMap(([, { elsewhere }]) => [...elsewhere]);
    const costs = [
      ...tables.flatMap(([, { here }]) => here.map(({ data }) => costOfData(data))),
      ...remote.map(([, { data }]) => costOfRemote(data)),
      ...tables.map(([, { charged }]) => charged),
      ...Array.from(new Set(remote.map(([, { node }]) => node)), costOfNode),
    ];
    expect({ ...counts.members, tables: counts.tables, lookers: counts.lookers, bytes: counts.bytes }).toEqual({
      here: tables.reduce((sum, [, { here }]) => sum + here.length, 0),
      elsewhere: remote.length,
      tables: tables.length,
      lookers: this.#views.size,
      bytes: costs.reduce((sum, cost) => sum + cost, 0),
    });
    expect(presence.size).toBe(tables.length);
  }
}

function withData([id, { data }]: [MemberId, Remote]): readonly [MemberId, string | undefined] {
  return [id, data];
}

function listOf({ joined }: Told): Map<MemberId, string | undefined> | undefined {
  return joined && new Map(joined.map(({ id, data }) => [id, text(data)]));
}

/** The same for the same news, in whatever order. */
function wordsOf({ count, self, joined, left, partial }: Told): string {
  const came = joined?.map(({ id, data }) => `${id}=${text(data)}`).toSorted();
  return JSON.stringify({ count, self, joined: came, left: left?.toSorted(), partial });
}

/** As a client reads Members. Nothing is told in vain. */
function apply({ count, self, joined, left, partial }: Told, view: View): void {
  const differs = view.count !== count || view.partial !== partial;
  if (self !== undefined) {
    expect(self).toBe(view.id);
    expect(view.list).toBeUndefined();
    view.list = listOf({ count, self, joined, left, partial });
  } else if (joined === undefined && left === undefined) {
    expect(differs || view.list !== undefined).toBe(true);
    view.list = undefined;
  } else {
    const { list } = view;
    expect(list).toBeDefined();
    expect(view.partial !== partial || (joined?.length ?? 0) + (left?.length ?? 0) > 0).toBe(true);
    for (const { id, data } of joined ?? []) {
      expect(id).not.toBe(view.id);
      expect(list!.has(id) && list!.get(id) === text(data)).toBe(false);
      list!.set(id, text(data));
    }
    for (const id of left ?? []) expect(list!.delete(id)).toBe(true);
    expect(left).not.toEqual([]);
  }
  expect(view.list === undefined || view.list.size + 1 === count).toBe(true);
  view.count = count;
  view.partial = partial;
}
