import { parseSettings } from '../../src/config/load-settings.js';
import type { SettingsInput } from '../../src/config/settings.js';
import type { Connection } from '../../src/connection/connection.js';
import { PresenceCounts } from '../../src/metrics/presence-counts.js';
import { MemberIds } from '../../src/presence/member-ids.js';
import { Presence } from '../../src/presence/presence.js';
import type { Told } from '../../src/presence/telling.js';
import type { MemberId } from '../../src/protocol/member.js';
import { ManualClock } from './manual-clock.js';
import { StandIn } from './stand-in.js';

/** News as the listener got them, in the terms of a test. */
export interface Heard {
  readonly at: number;
  readonly topic: string;
  readonly by: readonly number[];
  readonly told: Told;
}

/** Presence alone, with time that a test lets pass. Ids are numbered: 00000001, 00000002, ... */
export class PresenceStage {
  readonly clock = new ManualClock();
  readonly counts = new PresenceCounts();
  readonly presence: Presence;
  /** What the bus side was called with, such as "came t 00000001". */
  readonly announced: string[] = [];
  readonly #peers = new Map<number, Connection>();
  #heard: Heard[] = [];
  #ids = 0;

  constructor(settings: SettingsInput = {}) {
    const ids = new MemberIds();
    ids.next = () => this.id((this.#ids += 1));
    this.presence = new Presence(parseSettings(settings), ids, this.counts, this.clock);
    this.presence.listener = {
      tell: (topic, lookers, told) =>
        this.#heard.push({ at: this.clock.monotonic(), topic, by: lookers.map(({ id }) => id), told }),
    };
    this.presence.announcer = {
      opened: (topic) => this.announced.push(`opened ${topic}`),
      closed: (topic) => this.announced.push(`closed ${topic}`),
      came: (topic, { id, data }) =>
        this.announced.push(['came', topic, id, ...(data ? [String(data)] : [])].join(' ')),
      left: (topic, left) => this.announced.push(`left ${topic} ${left.join(' ')}`),
    };
  }

  /** The nth id that was made. */
  id(n: number): MemberId {
    return String(n).padStart(8, '0');
  }

  peer(n: number): Connection {
    const known = this.#peers.get(n) ?? new StandIn(n, undefined, undefined);
    this.#peers.set(n, known);
    return known;
  }

  /** Lets milliseconds pass, and tells all that is due then. Returns what was told. */
  pass(milliseconds = 0): Heard[] {
    this.clock.pass(milliseconds);
    while (this.presence.step());
    const heard = this.#heard;
    this.#heard = [];
    return heard;
  }

  /** A peer joins and looks. Returns what it is told. */
  enter(topic: string, n: number, data?: string): Told {
    this.presence.join(topic, this.peer(n), [], data === undefined ? undefined : Buffer.from(data));
    return this.presence.look(topic, this.peer(n))!;
  }
}
