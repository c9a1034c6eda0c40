import type { Fields, Link, Member, Seat } from './link.js';
import { check, defer, fromHex, SignalError, Target } from './shared.js';
import type { Abortable } from './shared.js';

/** What a member of a topic has sent. */
export interface TopicMessage {
  /** The bytes as they were sent. */
  readonly payload: Uint8Array;
  /** Id of the sender, if it is a member of the topic. The server sets it: nobody can claim another's. */
  readonly from: string | undefined;
  /** Id of this member, if it was sent to this member alone. */
  readonly to: string | undefined;
}

/** Something about another member. */
export interface MemberChange {
  /** The member as it is now, or was when it left. */
  readonly member: Member;
}

/** The events of a Topic, by name, with their fields. */
export interface TopicEvents {
  /** The server has confirmed the subscription: what is relayed from now on will come. Again after each reconnect. */
  ready: object;
  /** Somebody has sent something to the topic, or to this member alone. */
  message: TopicMessage;
  /** Somebody else is here. */
  joined: MemberChange;
  /** Somebody else is here no more. */
  left: MemberChange;
  /** A member has other data. */
  changed: MemberChange;
  /** `count` has changed. */
  count: object;
  /**
   * It is joined no more: it was left, the server refused it or ended it, or the connection is closed for good. After a
   * refusal that may pass (`topic_full`, `server_full`, or with `retry`), join it again later.
   */
  ended: {
    /** Why. */
    readonly error: SignalError;
  };
}

/** How a topic is joined. */
export interface JoinOptions {
  /** What the other members shall know of this one: at most `welcome.limits.data` bytes. */
  readonly data?: Uint8Array | undefined;
  /** Whether to be told the members. */
  readonly presence?: boolean | undefined;
}

/** To whom something is sent, and for how long that is tried. */
export interface SendOptions extends Abortable {
  /** Id of the only member that shall get it. */
  readonly to?: string | undefined;
}

/** What a Topic needs of its Signal. */
export interface Port {
  /** Does it on the current connection, or on the next one. */
  when<T>(go: (link: Link) => Promise<T>, over?: AbortSignal): Promise<T>;
  /** The topic is joined no more. */
  forget(topic: Topic): void;
  /** Something has happened on a seat, which is worth showing if that is on the current connection. */
  update(topic: Topic, link: Link): void;
}

/** Own member ids that are remembered. A server notices late that a connection is dead, and shows its member until then. */
const OWN = 8;

/**
 * A topic that was joined. Owns what it knows of the members, and the member's own data. Does not know connections,
 * only the seat that each gives it. Invariant: `joined` and `left` alternate for each id, and own ids are never shown.
 */
export class Topic extends Target<TopicEvents> {
  /** What it was joined as. */
  readonly name: string;
  /** The others who are here, by id. Kept as it was while the connection is down, or while there are too many. */
  readonly members: ReadonlyMap<string, Member>;
  /** How many are here, this member included; undefined where the server did not tell. */
  count: number | undefined;
  /** Id of this member, with presence. */
  self: string | undefined;
  /** Resolves when the topic was joined for the first time. Rejects if it never will be. */
  readonly ready: Promise<void>;
  readonly #members = new Map<string, Member>();
  readonly #port: Port;
  readonly #joined: () => void;
  readonly #failed: (error: unknown) => void;
  readonly #wish: Fields;
  #own: string[] = [];
  #over: SignalError | undefined;
  #seat: Seat | undefined;

  /** @internal */
  constructor(name: string, { data, presence }: JoinOptions, port: Port) {
    super();
    this.name = name;
    this.members = this.#members;
    this.#port = port;
    this.#wish = { presence, data };
    [this.ready, this.#joined, this.#failed] = defer<void>();
  }

  /**
   * Sends to all other members, or to one. Resolves to how many it was handed to; to undefined on a server of v1. Waits
   * for the connection if there is none. Rejects with a SignalError, whose code is `unknown` if the connection went before
   * the server answered: then it may have arrived.
   */
  async send(payload: Uint8Array, { to, signal }: SendOptions = {}): Promise<number | undefined> {
    if (this.#over) throw this.#over;
    const fields = { topic: this.name, payload, to: to && fromHex(to) };
    const answer = await this.#port.when((link) => link.request('Relay', fields), signal);
    check(typeof (answer.to ?? 0) === 'number');
    return answer.to;
  }

  /** Replaces the data of this member. Resolves when the server has it. Data is said again after a reconnect. */
  async update(data: Uint8Array): Promise<void> {
    if (this.#over) throw this.#over;
    this.#wish.data = data;
    await this.#port.when((link) => this.subscribe(link, { data }));
  }

  /** Leaves the topic. The same topic may be joined again. */
  leave(): void {
    this.end(new SignalError('left', 'The topic was left.'));
  }

  /** @internal Whether this is, or was lately, the id of this member. */
  isOwn(id: string | undefined): boolean {
    return this.#own.includes(id!);
  }

  /** @internal Ends the topic for good: everything that is asked of it fails with `error`. */
  end(error: SignalError): void {
    if (this.#over) return;
    this.#over = error;
    this.#failed(error);
    this.#port.forget(this);
    this.emit('ended', { error });
  }

  /** @internal Joins on a connection, or changes what was joined there. Resolves when the server has answered. */
  async subscribe(link: Link, wish = this.#wish): Promise<void> {
    const seat = link.seats.get(this.name) ?? {};
    link.seats.set(this.name, seat);
    try {
      await link.request('Subscribe', { topic: this.name, ...wish });
      seat.joined = true;
      this.#port.update(this, link);
    } catch (error) {
      // Without an answer, it is asked for again on the next connection.
      if ((error as SignalError).code === 'unknown') return;
      if (wish !== this.#wish) throw error;
      this.end(error as SignalError);
    }
  }

  /** @internal Shows what a seat sees, as events of what has changed. */
  show(seat: Seat): void {
    const { self, members, count, joined } = seat;
    if (self && self !== this.self) {
      this.self = self;
      this.#own = [self, ...this.#own].slice(0, OWN);
    }
    for (const [id, member] of members ?? []) {
      const known = this.#members.get(id);
      if (this.isOwn(id) || (known && String(known.data) === String(member.data))) continue;
      this.#members.set(id, member);
      this.emit(known ? 'changed' : 'joined', { member });
    }
    for (const [id, member] of this.#members) {
      if (members?.has(id) === false) {
        this.#members.delete(id);
        this.emit('left', { member });
      }
    }
    if (this.count !== count) {
      this.count = count;
      this.emit('count');
    }
    if (joined && this.#seat !== seat) {
      this.#seat = seat;
      this.#joined();
      this.emit('ready');
    }
  }
}
