import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import { LOOK_MS } from './roster.js';
import type { Roster } from './roster.js';

/** Milliseconds between two times that a node says that it is there. */
const CALL_MS = 4000;
/** Milliseconds for which a node that is asked waits, so that one call answers many. */
const ANSWER_MS = 1000;
/** What a node says, its id, and whether it wants to know members. A later version may add something behind that. */
const CALL = /^(hello|alive|leaving|gone) ([\w-]{16})( members)?(?: |$)/;
const MOST_CALL_BYTES = 256;

type Word = 'hello' | 'alive' | 'leaving' | 'gone';

/**
 * Tells the other nodes that this one is there, and hears them. Owns the subscription, and when this node speaks. Knows
 * nothing of what follows from that.
 * Invariant: while the bus is up, this node is heard every CALL_MS and a look. It speaks at most once in ANSWER_MS,
 * whatever others say, besides what it says of itself: that it has come, is leaving, or has gone, or that it wants
 * to know members, or no more.
 */
export class RollCall {
  #connection: NatsConnection | undefined;
  #leaving = false;
  #wantsMembers = false;
  #asked = false;
  /** When this node last spoke, in milliseconds on the monotonic clock. */
  #spoke = -Infinity;
  readonly #look = new Sweep(() => this.#step(), LOOK_MS);

  /**
   * `failed` takes what went wrong inside the reader of the NATS client. `greeted` is called when another node has come,
   * or come back, and again when it has its subscriptions.
   */
  constructor(
    private readonly subject: string,
    private readonly bus: { readonly nodes: Roster; readonly answers: boolean },
    private readonly clock: Clock,
    private readonly counts: BackplaneCounts,
    private readonly failed: (error: Error) => void,
    private readonly greeted: () => void = () => undefined,
  ) {
    this.#look.start();
  }

  /** There is a new connection, which has no subscription yet. */
  joined(connection: NatsConnection): void {
    connection.subscribe(this.subject, {
      callback: (error, call) => (error === null ? this.#hear(call) : this.failed(error)),
    });
  }

  /** Begins on a connection, which is new or has come back. */
  begin(connection: NatsConnection): void {
    this.#connection = connection;
    this.hello();
  }

  /** Asks who is there, and tells those that subscriptions of this node may be news to them. */
  hello(): void {
    this.#say('hello');
    if (this.#leaving) this.#say('leaving');
  }

  /** The connection is lost. */
  lost(): void {
    this.#connection = undefined;
    this.bus.nodes.cutOff();
  }

  /** This node has peers that want to know members of topics, or has none any more. */
  set wantsMembers(wants: boolean) {
    if (wants === this.#wantsMembers) return;
    this.#wantsMembers = wants;
    this.#say(this.#leaving ? 'leaving' : 'alive');
  }

  /** This node is about to stop: newcomers should go elsewhere. */
  leave(): void {
    this.#leaving = true;
    this.#say('leaving');
  }

  /** This node has stopped. */
  stop(): void {
    this.#look.stop();
    this.#say('gone');
    this.#connection = undefined;
  }

  #say(word: Word): void {
    try {
      this.#connection?.publish(this.subject, `${word} ${this.bus.nodes.self}${this.#wantsMembers ? ' members' : ''}`);
    } catch {
      // The connection was closed for good a moment ago, and the link has not noticed yet.
    }
    this.#spoke = this.clock.monotonic();
    this.#asked = false;
  }

  /** Trusts what it hears no more than what a peer sends: anyone who can reach the bus may write to it. */
  #hear({ data }: Msg): void {
    const [, word, node, wants] =
      (data.length <= MOST_CALL_BYTES && CALL.exec(Buffer.from(data).toString('latin1'))) || [];
    try {
      if (word === undefined) this.counts.dropped.malformed += 1;
      else if (word === 'gone') this.bus.nodes.left(node);
      else if (!this.bus.nodes.heard(node, word === 'leaving', wants !== undefined)) this.counts.dropped.malformed += 1;
      else if (word === 'hello') this.bus.nodes.greeted(node);
    } catch (failure) {
      this.failed(failure as Error);
    }
    if (word !== 'hello') return;
    this.#asked = true;
    this.greeted();
  }

  #step(): false {
    if (this.#connection === undefined) return false;
    if (this.bus.answers) this.bus.nodes.look(this.clock);
    else this.bus.nodes.cutOff();
    const silent = this.clock.monotonic() - this.#spoke;
    if (silent >= CALL_MS || (this.#asked && silent >= ANSWER_MS)) this.#say(this.#leaving ? 'leaving' : 'alive');
    return false;
  }
}
