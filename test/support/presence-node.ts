import type { Backplane } from '../../src/backplane/backplane.js';
import { parseSettings } from '../../src/config/load-settings.js';
import type { SettingsInput } from '../../src/config/settings.js';
import type { Connection } from '../../src/connection/connection.js';
import { PresenceCounts } from '../../src/metrics/presence-counts.js';
import { Timings } from '../../src/metrics/timings.js';
import { MemberIds } from '../../src/presence/member-ids.js';
import { Presence } from '../../src/presence/presence.js';
import type { Told } from '../../src/presence/telling.js';
import { TopicRegistry } from '../../src/presence/topic-registry.js';
import type { MemberId } from '../../src/protocol/member.js';
import { MembersElsewhere } from '../../src/signaling/elsewhere/members-elsewhere.js';
import type { ManualClock } from './manual-clock.js';
import { StandIn } from './stand-in.js';

/** The parts of a node that know members, on a bus, with time that a test lets pass. */
export class PresenceNode<Bus extends Backplane> {
  readonly counts = new PresenceCounts();
  readonly registry: TopicRegistry;
  readonly presence: Presence;
  readonly elsewhere: MembersElsewhere;
  /** What those who look were told. */
  readonly told: Told[] = [];
  readonly #v2 = new Set<Connection>();

  constructor(
    readonly bus: Bus,
    readonly clock: ManualClock,
    settings: SettingsInput = {},
  ) {
    const parsed = parseSettings(settings);
    this.registry = new TopicRegistry(clock, new Timings());
    this.presence = new Presence(parsed, new MemberIds(), this.counts, clock);
    this.presence.listener = { tell: (_topic, _lookers, told) => void this.told.push(told) };
    this.elsewhere = new MembersElsewhere(this.presence, this.registry, bus, parsed, clock);
    this.elsewhere.onModuleInit();
  }

  /** A peer subscribes, as a node does it. */
  enter(topic: string, peer: Connection, v2: boolean, data?: string): void {
    if (this.registry.subscribers(topic).has(peer)) {
      if (v2 && data !== undefined) this.presence.update(topic, peer, Buffer.from(data));
      return;
    }
    this.registry.subscribe(peer, topic);
    if (!v2) this.presence.came(topic, peer);
    const confirmed = this.bus.subscribe(topic);
    if (!v2) {
      if (this.registry.subscribers(topic).size === 1) this.elsewhere.subscribed(topic, confirmed);
      return;
    }
    this.#v2.add(peer);
    const bytes = data === undefined ? undefined : Buffer.from(data);
    this.presence.join(topic, peer, this.registry.subscribers(topic), bytes);
  }

  leave(topic: string, peer: Connection): void {
    if (!this.registry.unsubscribe(peer, topic)) return;
    this.presence.left(topic, peer);
    if (this.registry.subscribers(topic).size === 0) this.bus.unsubscribe(topic);
  }

  /** Does what is due now. */
  step(): void {
    while ([this.elsewhere.step(), this.presence.step()].includes(true));
  }

  /** The members of a topic on other nodes, with their data, and whether these are all; undefined without v2 members. */
  membersElsewhere(topic: string): { readonly partial: boolean; readonly members: Map<MemberId, string> } | undefined {
    const looker = [...this.registry.subscribers(topic)].find((peer) => this.#v2.has(peer));
    if (looker === undefined) return undefined;
    const { joined = [], partial } = this.presence.look(topic, looker)!;
    this.presence.stopLooking(topic, looker);
    const others = joined.filter(({ id }) => this.presence.isElsewhere(topic, id));
    return { partial, members: new Map(others.map(({ id, data }) => [id, String(data)])) };
  }

  /** The members of a topic on this node, with their data. */
  membersHere(topic: string): Map<MemberId, string> {
    return new Map((this.presence.here(topic) ?? []).map(({ id, data }) => [id, String(data)]));
  }

  stop(): void {
    this.elsewhere.onModuleDestroy();
    this.presence.onModuleDestroy();
  }
}

export const peerOf = (n: number): Connection => new StandIn(n, undefined, undefined);
