import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import type { Connection } from '../connection/connection.js';
import { Logs } from '../logging/log.js';
import { makerOf, nameOf } from '../logging/name-of.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { Presence } from '../presence/presence.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { InProcessConnection } from './in-process-connection.js';
import { PresenceObserverList } from './presence-observer.js';
import type { PresenceObserver } from './presence-observer.js';
import { seen } from './signaling.service.js';
import type { ConnectedPeer } from './signaling.service.js';

/**
 * Tells the application's observers who comes to a topic, leaves it, and has new data (E5). Owns nothing but the order.
 * Invariant: nothing that an observer throws reaches the server, and none is called while a message is being handled.
 * Without observers, nothing is watched.
 */
@Injectable()
export class Observation implements OnModuleInit {
  readonly #faults: ThrottledLog<'application'>;

  constructor(
    private readonly observers: PresenceObserverList,
    private readonly topics: TopicRegistry,
    private readonly presence: Presence,
    private readonly application: InProcessConnection,
    clock: Clock,
    logs: Logs,
  ) {
    this.#faults = new ThrottledLog(logs.for('application'), clock);
  }

  onModuleInit(): void {
    if (this.observers.types.length === 0) return;
    this.topics.watcher = {
      joined: (topic, connection) => this.#tell(connection, (observer, peer) => observer.joined(topic, peer)),
      left: (topic, connection) => this.#tell(connection, (observer, peer) => observer.left(topic, peer)),
    };
    this.presence.watcher = {
      // A copy for each observer.
      changed: (topic, connection, member) =>
        this.#tell(connection, (observer, peer) => observer.changed?.(topic, peer, member.data!)),
    };
  }

  #tell(connection: Connection, call: (observer: PresenceObserver, peer: ConnectedPeer) => unknown): void {
    if (connection === this.application) return;
    const peer = seen(connection);
    for (const observer of this.observers.inOrder) {
      // An observer may do what it likes, such as to close the connection; so not in the middle of something.
      queueMicrotask(() => void this.#guard(observer, () => call(observer, peer)));
    }
  }

  /** Never rejects. What was thrown is logged without its text, which may hold a topic. */
  async #guard(observer: PresenceObserver, call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#faults.write('observer_threw', { observer: makerOf(observer), error: nameOf(error) });
    }
  }
}
