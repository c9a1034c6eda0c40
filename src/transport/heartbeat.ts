import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { deadPeer } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';

/** What the heartbeat needs from a connection, and the marks it keeps on it. */
export interface Pulse extends Expiring<Pulse> {
  /** True when something came from the peer since the heartbeat cleared it. */
  heard: boolean;
  /** Whether the peer is not being read now, so that its silence means nothing. */
  readonly paused: boolean;
  /** Whether the peer may be one that never reads, so that no answer to a ping says nothing. */
  readonly mute: boolean;
  /** When the heartbeat looks at it next, in milliseconds on the monotonic clock. Only the heartbeat sets it. */
  checkAt: number;
  ping(): void;
  /** A mute peer did not answer in time. It is kept until its socket fails, or somebody else needs its place. */
  spare(): void;
  /** A mute peer was heard again. */
  keep(): void;
  close(reason: CloseReason): void;
}

export interface HeartbeatTimes {
  /** Milliseconds of silence before a ping. */
  readonly pingInterval: number;
  /** Milliseconds of silence after a ping before the connection is closed or spared. */
  readonly pongTimeout: number;
}

/**
 * Connections checked in one turn of the event loop. Many connections that came together must not all be pinged in one
 * turn.
 */
const CHECKED_PER_STEP = 500;
/** Maximum delay of a check, as a fraction of the shorter of the two times. */
const LATENESS = 1 / 10;

/**
 * Finds dead peers: pings silent ones, and closes those that stay silent. Of a mute peer only its socket can tell, so
 * the heartbeat pings it again and again: a dead one cannot acknowledge that, and the system ends its socket. Owns
 * lists that are ordered by when their connections are due, so a step touches only those. One timer serves all
 * connections. Knows nothing of sockets.
 * Invariant: a connection is in exactly one list from when it is added until it is removed or found dead.
 */
export class Heartbeat {
  /** Peers that were heard from lately, or are not known to be silent. */
  readonly #quiet = new ExpiryList<Pulse>();
  /** Peers that were pinged and not heard from since. */
  readonly #pinged = new ExpiryList<Pulse>();
  /** Mute, pinged, and not heard in time. */
  readonly #spared = new ExpiryList<Pulse>();
  readonly #sweep: Sweep;

  constructor(
    readonly times: HeartbeatTimes,
    private readonly clock: Clock,
  ) {
    const interval = Math.min(1000, Math.min(times.pingInterval, times.pongTimeout) * LATENESS);
    this.#sweep = new Sweep(() => this.check(CHECKED_PER_STEP), interval);
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

  /** Checks connections that are due, at most `max` of each list. Returns whether there may be more. */
  check(max: number): boolean {
    const { pingInterval, pongTimeout } = this.times;
    const spared = this.#takeDue(this.#spared, max, (pulse) => {
      if (pulse.heard || pulse.paused) {
        this.#wait(this.#quiet, pulse, pingInterval);
        pulse.keep();
      } else {
        this.#wait(this.#spared, pulse, pingInterval);
        pulse.ping();
      }
    });
    const pinged = this.#takeDue(this.#pinged, max, (pulse) => {
      if (pulse.heard || pulse.paused) {
        this.#wait(this.#quiet, pulse, pingInterval);
      } else if (pulse.mute) {
        this.#wait(this.#spared, pulse, pingInterval);
        pulse.spare();
        pulse.ping();
      } else {
        pulse.close(deadPeer(pongTimeout / 1000));
      }
    });
    const quiet = this.#takeDue(this.#quiet, max, (pulse) => {
      if (pulse.heard || pulse.paused) {
        this.#wait(this.#quiet, pulse, pingInterval);
      } else {
        this.#wait(this.#pinged, pulse, pongTimeout);
        pulse.ping();
      }
    });
    return spared || pinged || quiet;
  }

  /** Takes the connections that are due out of a list, and passes each to `look`. Returns whether there may be more. */
  #takeDue(list: ExpiryList<Pulse>, max: number, look: (pulse: Pulse) => void): boolean {
    const now = this.clock.monotonic();
    for (let looked = 0; looked < max; looked++) {
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
