import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';

/** Without another reason, the bus is pinged this often, in milliseconds. */
const PROBE_MS = 500;
/** Milliseconds after which a bus that has not answered a ping is suspect: nobody waits for it any more. */
export const SUSPECT_MS = 1500;
/** Milliseconds after which its connection is given up: PROBE_MS and LOOK_MS before it make 3.25 s at most. */
const DEAD_MS = 2500;
/** Milliseconds between two looks at how long the bus has not answered. */
const LOOK_MS = 250;
/** A look adds at most this to how long the bus has not answered: the rest of the time, this process did not run. */
const MOST_BETWEEN_LOOKS_MS = 2 * LOOK_MS;
/** Maximum number of bytes on their way to the bus that it has not acknowledged. */
const MOST_UNANSWERED_BYTES = 8 * 1024 * 1024;
/** After this many bytes the bus is pinged. */
const PING_EVERY_BYTES = 256 * 1024;
/** Cost of a message on the bus besides its bytes. */
const OVERHEAD_BYTES = 128;

/** A ping that the bus has not answered yet. */
interface Ping {
  /** When it was sent, in milliseconds on the monotonic clock. */
  readonly at: number;
  /** Bytes sent since the ping before. */
  readonly bytes: number;
  /** Called when it was answered, or nobody shall wait for that. */
  release: () => void;
}

/** Hears how the bus answers. */
export interface RoundTripsListener {
  /** The bus, which was suspect, has answered. */
  recovered(): void;
  /** The bus has not answered for so long that its connection is of no use. */
  dead(): void;
}

/**
 * Measures whether the bus answers, how fast, and how much of what was sent it has taken. Owns the pings. Knows nothing
 * of what is sent.
 * Invariant: nobody waits for a silent bus longer than SUSPECT_MS and a look, and nobody waits while it is suspect.
 */
export class RoundTrips {
  #connection: NatsConnection | undefined;
  /** Oldest first. NATS answers in order. */
  #pings: Ping[] = [];
  #lastPing = -Infinity;
  /** When was last looked; for how long the bus has sent nothing since, while a ping was on its way. */
  #looked = 0;
  #silent = 0;
  /** Number of messages that the bus had sent at the last look. */
  #heard = 0;
  /** Bytes sent since the last ping, and those before it that were not acknowledged, with their overhead. */
  #sincePing = 0;
  #beforePing = 0;
  #suspect = false;
  /** Whether the suspect bus has answered, and is asked once more. */
  #recovering = false;
  /** Shared by all callers of one turn. */
  #confirming: Promise<void> | undefined;
  readonly #look = new Sweep(() => this.#step(), LOOK_MS);

  constructor(
    private readonly clock: Clock,
    private readonly counts: BackplaneCounts,
    private readonly listener: RoundTripsListener,
  ) {
    this.#look.start();
  }

  /** Whether the bus is connected and does not answer. */
  get suspect(): boolean {
    return this.#suspect;
  }

  /** Whether so much is on its way to the bus that nothing may be added. */
  get full(): boolean {
    return this.#sincePing + this.#beforePing > MOST_UNANSWERED_BYTES;
  }

  /** Begins anew: what was on its way is sent or lost, and no answer will come. Undefined while there is no connection. */
  begin(connection: NatsConnection | undefined): void {
    this.#connection = connection;
    const pings = this.#pings;
    this.#pings = [];
    this.#sincePing = 0;
    this.#beforePing = 0;
    this.#silent = 0;
    this.#suspect = false;
    this.#recovering = false;
    for (const { release } of pings) release();
  }

  stop(): void {
    this.#look.stop();
    this.begin(undefined);
  }

  /** Notes that a message went to the bus. */
  sent(bytes: number): void {
    this.#sincePing += bytes + OVERHEAD_BYTES;
    if (this.#sincePing > PING_EVERY_BYTES) void this.#ping();
  }

  /**
   * Fulfilled when the bus has everything sent until the end of this turn; also when it is suspect or lost. One ping
   * serves all callers of a turn. Never rejects.
   */
  confirm(): Promise<void> {
    this.#confirming ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#confirming = undefined;
      return this.#suspect ? undefined : this.#ping();
    });
    return this.#confirming;
  }

  #ping(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return Promise.resolve();
    return new Promise((release) => {
      const ping: Ping = { at: this.clock.monotonic(), bytes: this.#sincePing, release };
      this.#pings.push(ping);
      this.#lastPing = ping.at;
      this.#beforePing += this.#sincePing;
      this.#sincePing = 0;
      // Rejected if the connection is lost: the link hears that, and everything begins anew.
      void connection.flush().then(
        () => this.#answered(ping),
        () => release(),
      );
    });
  }

  #answered(ping: Ping): void {
    const index = this.#pings.indexOf(ping);
    if (index < 0) return;
    this.counts.roundTripMs = this.clock.monotonic() - ping.at;
    this.#silent = 0;
    for (const { bytes, release } of this.#pings.splice(0, index + 1)) {
      this.#beforePing -= bytes;
      release();
    }
    if (!this.#suspect || this.#pings.length > 0) return;
    // What was sent while it was suspect may be on its way still.
    if (!this.#recovering) {
      this.#recovering = true;
      void this.#ping();
      return;
    }
    this.#recovering = false;
    this.#suspect = false;
    this.listener.recovered();
  }

  #step(): false {
    if (this.#connection === undefined) return false;
    const now = this.clock.monotonic();
    this.#listen(now);
    if (this.#silent >= DEAD_MS) {
      this.listener.dead();
    } else if (this.#silent >= SUSPECT_MS && !this.#suspect) {
      this.#suspect = true;
      for (const { release } of this.#pings) release();
    } else if (this.#pings.length === 0 && now - this.#lastPing >= PROBE_MS) {
      void this.#ping();
    }
    return false;
  }

  /**
   * Measures how long the bus has been silent. A bus that sends something is not frozen, even where its answer waits
   * behind that. A process that was blocked, stopped or asleep has not waited meanwhile.
   */
  #listen(now: number): void {
    const passed = Math.min(now - this.#looked, MOST_BETWEEN_LOOKS_MS);
    this.#looked = now;
    const { inMsgs } = this.#connection!.stats();
    if (inMsgs !== this.#heard || this.#pings.length === 0) this.#silent = 0;
    else this.#silent += Math.min(passed, now - this.#pings[0].at);
    this.#heard = inMsgs;
  }
}
