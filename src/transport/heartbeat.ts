import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { deadPeer } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';

/** What the heartbeat needs of a connection, and the marks it keeps on it. */
export interface Pulse extends Expiring<Pulse> {
  /** Set whenever anything came from the peer; cleared by the heartbeat alone. */
  heard: boolean;
  /** Whether nothing is read from the peer for now, so that its silence says nothing. */
  readonly paused: boolean;
  /** When it is looked at next, on the monotonic clock; kept by the heartbeat alone. */
  checkAt: number;
  ping(): void;
  close(reason: CloseReason): void;
}

export interface HeartbeatTimes {
  /** Silence before a ping, in milliseconds. */
  readonly pingInterval: number;
  /** Silence after a ping before the connection is closed, in milliseconds. */
  readonly pongTimeout: number;
}

/** Looked at in one turn of the event loop: many connections that came together must not be pinged in one. */
const CHECKED_A_STEP = 500;
/** The longest that a check may come late, as a part of the shorter of the two times. */
const LATENESS = 1 / 10;

/**
 * Finds out which peers are dead: pings the silent, closes those that stay silent. One timer for all connections; each list
 * is in the order in which its connections are due, so a step touches only those. Knows nothing of sockets.
 * Invariant: a connection is in exactly one list from when it is added until it is removed or found dead.
 */
export class Heartbeat {
  /** Heard of lately, or not known to be silent. */
  readonly #quiet = new ExpiryList<Pulse>();
  /** Pinged, and not heard since. */
  readonly #pinged = new ExpiryList<Pulse>();
  readonly #sweep: Sweep;

  constructor(
    private readonly times: HeartbeatTimes,
    private readonly clock: Clock,
  ) {
    const interval = Math.min(1000, Math.min(times.pingInterval, times.pongTimeout) * LATENESS);
    this.#sweep = new Sweep(() => this.check(CHECKED_A_STEP), interval);
  }

  start(): void {
    this.#sweep.start();
  }

  stop(): void {
    this.#sweep.stop();
  }

  add(pulse: Pulse): void {
    this.#wait(this.#quiet, pulse, this.times.pingInterval);
  }

  remove(pulse: Pulse): void {
    pulse.list?.remove(pulse);
  }

  /** Looks at those that are due, at most `most` of each list. True when there may be more. */
  check(most: number): boolean {
    const more = this.#take(this.#pinged, most, (pulse) => {
      if (pulse.heard || pulse.paused) this.#wait(this.#quiet, pulse, this.times.pingInterval);
      else pulse.close(deadPeer(this.times.pongTimeout / 1000));
    });
    return (
      this.#take(this.#quiet, most, (pulse) => {
        if (pulse.heard || pulse.paused) {
          this.#wait(this.#quiet, pulse, this.times.pingInterval);
        } else {
          this.#wait(this.#pinged, pulse, this.times.pongTimeout);
          pulse.ping();
        }
      }) || more
    );
  }

  /** Takes those out of a list that are due, and has each looked at. */
  #take(list: ExpiryList<Pulse>, most: number, look: (pulse: Pulse) => void): boolean {
    const now = this.clock.monotonic();
    for (let looked = 0; looked < most; looked++) {
      const { first } = list;
      if (first === undefined || first.checkAt > now) return false;
      list.remove(first);
      look(first);
    }
    return true;
  }

  #wait(list: ExpiryList<Pulse>, pulse: Pulse, time: number): void {
    pulse.heard = false;
    pulse.checkAt = this.clock.monotonic() + time;
    list.append(pulse);
  }
}
