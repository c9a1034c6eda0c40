import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { Connection } from '../connection/connection.js';
import { Log, Logs } from '../logging/log.js';
import { PolicyCounts } from '../metrics/policy-counts.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { RecordStore } from '../records/record-store.js';
import type { Judgement } from './judgement.js';
import { Permissions } from './permissions.js';

/** Milliseconds between rounds. A round asks about all that ends before the next one. */
const INTERVAL_MS = 1000;
/** Questions that may be open at a time. */
const MOST_ASKING = 32;
/** Work of one turn of the event loop: connections looked at. A question counts as many. */
const WORK_PER_STEP = 5000;
const WORK_OF_A_QUESTION = 25;
/** Fraction of its time by which a lease is asked about early, at random: what began together does not end together. */
const SPREAD = 0.1;
/** Milliseconds after which a policy that failed is asked again. */
const RETRY_MS = 5000;
/** Milliseconds for which a lease that has ended stays while the policy does not say whether it may. */
const GRACE_MS = 60_000;

/**
 * What lasts: a subscription, being told the members of its topic, and a published record of an open connection. A
 * subscription is asked about first: what it holds ends with it.
 */
const LASTING = ['subscribe', 'presence', 'publish'] as const;
export type Lasting = (typeof LASTING)[number];

/** What each is called where its end is counted. */
const ENDED = { subscribe: 'subscription', presence: 'presence', publish: 'record' } as const;

/** Topics on which a connection has something that lasts. */
interface Topics {
  readonly size: number;
  has(topic: string): boolean;
  keys(): Iterable<string>;
}

/** The time of a lease, in milliseconds on the monotonic clock. */
interface Term {
  /** When to ask the policy again; Infinity while it is asked. */
  askAt: number;
  readonly end: number;
}

/** The leases of one connection that end. */
class Held {
  readonly subscribe = new Map<string, Term>();
  readonly presence = new Map<string, Term>();
  readonly publish = new Map<string, Term>();
  /** When the first of them is due, or sooner. */
  dueAt = Infinity;
  /** When the answers were forgotten on which all its leases rest, those without an end included. */
  forgottenAt: number | undefined;

  get size(): number {
    return LASTING.reduce((sum, action) => sum + this[action].size, 0);
  }
}

const NO_TOPICS: ReadonlySet<string> = new Set();

/** A lease to ask about. */
interface Due {
  readonly connection: Connection;
  readonly held: Held;
  readonly action: Lasting;
  readonly topic: string;
  readonly end: number;
}

/**
 * P6: asks the topic policy again about what lasts: a *lease* is its yes to a subscription, to being told the members of
 * its topic, or to a published record. Owns when leases end, as far as they do, the round over them, and by connection
 * which topics' members it is told. Knows nothing of what holds a lease: who does hears of its end.
 * Invariant: a term is here only while its lease lasts, and of its questions only the latest counts. At most
 * MOST_ASKING questions are open.
 */
@Injectable()
export class Leases implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  readonly #held = new Map<Connection, Held>();
  /** Topics whose members a connection is told, with an end or without. Empty while there is no policy. */
  readonly #looking = new Map<Connection, Set<string>>();
  readonly #sweep = new Sweep(() => this.check(WORK_PER_STEP), INTERVAL_MS);
  readonly #log: Log<'policy'>;
  readonly #onEnd: { [Action in Lasting]?: (connection: Connection, topic: string) => void } = {};
  /** Position of the round over all leases. */
  #round: Iterator<Due | undefined, void> | undefined;
  #asking = 0;
  #stopped = false;
  /** Leases that ended since the last log line, and how many of them because the policy did not say. */
  readonly #ended = { subscribe: 0, presence: 0, publish: 0, unjudged: 0 };

  constructor(
    private readonly permissions: Permissions,
    private readonly topics: TopicRegistry,
    private readonly records: RecordStore,
    private readonly connections: ConnectionRegistry,
    private readonly clock: Clock,
    private readonly counts: PolicyCounts,
    logs: Logs,
  ) {
    this.#log = logs.for('policy');
  }

  onModuleInit(): void {
    this.permissions.onForgotten((connection) => this.#forgotten(connection));
  }

  onApplicationBootstrap(): void {
    if (!this.permissions.open) this.#sweep.start();
  }

  onApplicationShutdown(): void {
    this.#stopped = true;
    this.#sweep.stop();
  }

  /** Number of leases whose end is known. */
  get size(): number {
    return [...this.#held.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Sets what ends something that lasts, because it is allowed no more. */
  onEnd(action: Lasting, end: (connection: Connection, topic: string) => void): void {
    this.#onEnd[action] = end;
  }

  /** Something begins that lasts. It was allowed a moment ago. */
  begin(connection: Connection, action: Lasting, topic: string): void {
    if (this.permissions.open) return;
    if (action === 'presence') this.#looks(connection, topic);
    const end = this.permissions.endOf(connection, action, topic);
    if (end === Infinity) {
      this.#held.get(connection)?.[action].delete(topic);
      return;
    }
    let held = this.#held.get(connection);
    if (held === undefined) this.#held.set(connection, (held = new Held()));
    this.#set(held, action, topic, end);
    if (action === 'publish') this.#tidy(connection, held);
  }

  /** Something that lasts has ended; a subscription takes along that the members are told. Ignores what is not here. */
  end(connection: Connection, action: Lasting, topic: string): void {
    this.#held.get(connection)?.[action].delete(topic);
    if (action === 'subscribe') this.end(connection, 'presence', topic);
    if (action !== 'presence') return;
    const looking = this.#looking.get(connection);
    looking?.delete(topic);
    if (looking?.size === 0) this.#looking.delete(connection);
  }

  /** The connection has ended, and all its leases with it. */
  leave(connection: Connection): void {
    this.#held.delete(connection);
    this.#looking.delete(connection);
  }

  /**
   * Continues the round, with at most this much work, and asks while not too many questions are open. Returns whether
   * there is more to do now.
   */
  check(work: number): boolean {
    this.#round ??= this.#due();
    for (let left = work; left > 0; left -= 1) {
      // The next answer continues the round.
      if (this.#asking >= MOST_ASKING || this.#stopped) return false;
      const { value: due, done } = this.#round.next();
      if (done === true) {
        this.#over();
        return false;
      }
      if (due === undefined) continue;
      left -= WORK_OF_A_QUESTION;
      this.#judge(due);
    }
    return true;
  }

  #forgotten(connection: Connection): void {
    if (LASTING.every((action) => this.#lasting(connection, action).size === 0)) return;
    const held = this.#held.get(connection) ?? new Held();
    this.#held.set(connection, held);
    held.forgottenAt = this.clock.monotonic();
    held.dueAt = -Infinity;
  }

  /** Yields each lease that is due, and undefined for each connection without one. */
  *#due(): Generator<Due | undefined, void> {
    for (const [connection, held] of this.#held) {
      const soon = this.clock.monotonic() + INTERVAL_MS;
      if (held.dueAt > soon) {
        yield undefined;
        continue;
      }
      const { forgottenAt } = held;
      held.forgottenAt = undefined;
      held.dueAt = Infinity;
      for (const action of LASTING) {
        const terms = held[action];
        if (forgottenAt !== undefined) {
          // A copy: what ends is taken out of it.
          const topics = [...this.#lasting(connection, action).keys()];
          for (const topic of topics) {
            const end = Math.min(forgottenAt, terms.get(topic)?.end ?? Infinity);
            yield { connection, held, action, topic, end };
          }
          continue;
        }
        for (const [topic, { askAt, end }] of terms) {
          if (askAt <= soon) yield { connection, held, action, topic, end };
          else held.dueAt = Math.min(held.dueAt, askAt);
        }
      }
      if (held.size === 0 && held.dueAt === Infinity) this.#held.delete(connection);
    }
  }

  #judge(due: Due): void {
    const { connection, held, action, topic, end } = due;
    if (!this.connections.isLive(connection)) return;
    if (!this.#lasting(connection, action).has(topic)) {
      held[action].delete(topic);
      return;
    }
    const term = { askAt: Infinity, end };
    held[action].set(topic, term);
    if (this.#isTooLate(end)) return this.#settle(due, term, undefined);
    const judged = this.permissions.askAgain(connection, action, topic);
    if (!(judged instanceof Promise)) return this.#settle(due, term, judged);
    this.#asking += 1;
    void judged.then((late) => {
      this.#asking -= 1;
      this.#settle(due, term, late);
      this.#sweep.wake();
    });
  }

  #settle({ connection, held, action, topic, end }: Due, term: Term, judged: Judgement | undefined): void {
    // It may have ended meanwhile, or may rest on a later question.
    if (this.#held.get(connection) !== held || held[action].get(topic) !== term) return;
    if (judged === undefined && !this.#isTooLate(end)) {
      term.askAt = this.clock.monotonic() + RETRY_MS;
      held.dueAt = Math.min(held.dueAt, term.askAt);
    } else if (judged?.allowed === true) {
      if (judged.until === Infinity) held[action].delete(topic);
      else this.#set(held, action, topic, judged.until);
    } else {
      this.end(connection, action, topic);
      this.#ended[action] += 1;
      this.counts.ended[ENDED[action]] += 1;
      if (judged === undefined) this.#ended.unjudged += 1;
      this.#onEnd[action]?.(connection, topic);
    }
  }

  #set(held: Held, action: Lasting, topic: string, end: number): void {
    const now = this.clock.monotonic();
    const askAt = end - Math.random() * SPREAD * Math.max(0, end - now);
    held[action].set(topic, { askAt, end });
    held.dueAt = Math.min(held.dueAt, askAt);
  }

  #isTooLate(end: number): boolean {
    return this.clock.monotonic() > end + GRACE_MS;
  }

  /** Removes the terms of records that gave way to others, once there are more than records. */
  #tidy(connection: Connection, { publish }: Held): void {
    const published = this.records.publishedOn(connection.id);
    if (publish.size <= published.size) return;
    for (const topic of publish.keys()) if (!published.has(topic)) publish.delete(topic);
  }

  #looks(connection: Connection, topic: string): void {
    const looking = this.#looking.get(connection) ?? new Set();
    this.#looking.set(connection, looking.add(topic));
  }

  #lasting(connection: Connection, action: Lasting): Topics {
    switch (action) {
      case 'subscribe':
        return this.topics.topicsOf(connection);
      case 'presence':
        return this.#looking.get(connection) ?? NO_TOPICS;
      case 'publish':
        return this.records.publishedOn(connection.id);
    }
  }

  #over(): void {
    this.#round = undefined;
    const { subscribe, presence, publish, unjudged } = this.#ended;
    if (subscribe + presence + publish === 0) return;
    const presences = presence > 0 ? { presence } : {};
    this.#log.write('policy_ended', { subscriptions: subscribe, ...presences, records: publish });
    if (unjudged > 0) {
      this.#log.write('policy_unanswered', { ended: unjudged }, { seconds: GRACE_MS / 1000 });
    }
    this.#ended.subscribe = this.#ended.presence = this.#ended.publish = this.#ended.unjudged = 0;
  }
}
