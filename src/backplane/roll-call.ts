import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import { LOOK_MS } from './roster.js';
import type { Condition, Roster } from './roster.js';

/** Milliseconds between two times that a node says that it is there. */
const CALL_MS = 4000;
/** Milliseconds for which a node that is asked waits, so that one call answers many. */
const ANSWER_MS = 1000;
/**
 * What a node says, its id, the number of its connection, and whether it wants to know members. A later version may add
 * something behind that.
 */
const CALL = /^(hello|alive|leaving|gone) ([\w-]{16}) (\d{1,9})( members)?(?: |$)/;
const MOST_CALL_BYTES = 256;

type Word = 'hello' | 'alive' | 'leaving' | 'gone';
const SAID: Readonly<Record<Exclude<Word, 'gone'>, Condition>> = { hello: 'coming', alive: 'here', leaving: 'leaving' };

/**
 * Tells the other nodes that this one is there, and hears them. Owns the subscription, and when this node speaks. Knows
 * nothing of what follows from that.
 * Invariant: while the bus is up, this node is heard every CALL_MS and a look. It speaks at most once in ANSWER_MS,
 * whatever others say, besides what it says of itself: that it has come, is leaving, or has gone, or that it wants
 * to know members, or no more.
 */
export class RollCall {
  #connection: NatsConnection | undefined;
  /** Whether this node has all its subscriptions on the connection. */
  #whole = false;
  #leaving = false;
  #wantsMembers = false;
  #asked = false;
  /** When this node last spoke, in milliseconds on the monotonic clock. */
  #spoke = -Infinity;
  readonly #look = new Sweep(() => this.#step(), LOOK_MS);

  /** `failed` takes what went wrong inside the reader of the NATS client. */
  constructor(
    private readonly subject: string,
    private readonly bus: { readonly nodes: Roster; readonly answers: boolean },
    private readonly clock: Clock,
    private readonly counts: BackplaneCounts,
    private readonly failed: (error: Error) => void,
  ) {
    this.#look.start();
  }

  /** There is a new connection, which has no subscription yet. */
  joined(connection: NatsConnection): void {
    connection.subscribe(this.subject, {
      callback: (error, call) => (error === null ? this.#hear(call) : this.failed(error)),
    });
  }

  /** Begins on a connection, which is new or has come back: asks who is there. */
  begin(connection: NatsConnection): void {
    this.#connection = connection;
    this.bus.nodes.connection += 1;
    this.#whole = false;
    this.#call();
  }

  /** All subscriptions of this node were sent. */
  whole(): void {
    this.#whole = true;
    this.#call();
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
    this.#call();
  }

  /** This node is about to stop: newcomers should go elsewhere. */
  leave(): void {
    this.#leaving = true;
    this.#call();
  }

  /** This node has stopped. */
  stop(): void {
    this.#look.stop();
    this.#say('gone');
    this.#connection = undefined;
  }

  /** Says how this node is. */
  #call(): void {
    const word = this.#leaving ? 'leaving' : 'alive';
    this.#say(this.#whole ? word : 'hello');
  }

  #say(word: Word): void {
    try {
      const { self, connection } = this.bus.nodes;
      const wants = this.#wantsMembers ? ' members' : '';
      this.#connection?.publish(this.subject, `${word} ${self} ${connection}${wants}`);
    } catch {
      // The connection was closed for good a moment ago, and the link has not noticed yet.
    }
    this.#spoke = this.clock.monotonic();
    this.#asked = false;
  }

  /** Trusts what it hears no more than what a peer sends: anyone who can reach the bus may write to it. */
  #hear({ data }: Msg): void {
    const call = data.length > MOST_CALL_BYTES ? null : CALL.exec(Buffer.from(data).toString('latin1'));
    const [, word, node, connection, members] = (call ?? []) as [string?, Word?, string?, string?, string?];
    const said = { connection: Number(connection), wantsMembers: members !== undefined };
    if (word === 'hello') this.#asked = true;
    try {
      if (word === undefined) this.counts.dropped.malformed += 1;
      else if (word === 'gone') this.bus.nodes.left(node!);
      else if (!this.bus.nodes.heard(node!, SAID[word], said)) this.counts.dropped.malformed += 1;
    } catch (failure) {
      this.failed(failure as Error);
    }
  }

  #step(): false {
    if (this.#connection === undefined) return false;
    if (this.bus.answers) this.bus.nodes.look(this.clock);
    else this.bus.nodes.cutOff();
    const silent = this.clock.monotonic() - this.#spoke;
    if (silent >= CALL_MS || (this.#asked && silent >= ANSWER_MS)) this.#call();
    return false;
  }
}
