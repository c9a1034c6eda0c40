import type { Member } from './link.js';
import type { Secret } from './secret.js';
import { abortable, hex, SignalError, utf8 } from './shared.js';
import type { Abortable } from './shared.js';
import type { Signal } from './signal.js';
import type { Topic, TopicMessage } from './topic.js';

/** Where to meet peers, and how the channels to them shall be. Aborting `signal` ends the wait, and no open channel. */
export interface PeerOptions extends Abortable {
  /** Where the peers meet. Whoever knows the topic, and the server, could pass for a peer. */
  readonly topic?: string | undefined;
  /**
   * Instead of a topic: at least 16 random bytes that only the peers know. The topics are derived from it, and what the
   * peers say through the server is encrypted and authenticated, so that the server can neither read nor forge it.
   */
  readonly secret?: BufferSource | undefined;
  /** Who makes the first offer: by default one of both, by chance. */
  readonly role?: 'initiator' | 'responder' | undefined;
  /** How the channel shall be, the same on both sides. */
  readonly channel?: RTCDataChannelInit | undefined;
  /** For the RTCPeerConnection. Without `iceServers`, those of the server are used. */
  readonly config?: RTCConfiguration | undefined;
  /** The class to use: by default the global one, which Node does not have. That of the package `werift` will do. */
  readonly RTCPeerConnection?: RTCPeerConnectionConstructor | undefined;
}

/** A class that does what the RTCPeerConnection of browsers does. Its events may have types of their own. */
export type RTCPeerConnectionConstructor = new (config: never) => {
  /** As the RTCPeerConnection of browsers does it. */
  createDataChannel(label: string): object;
  /** As the RTCPeerConnection of browsers does it, without an argument. */
  setLocalDescription(): Promise<unknown>;
};

/** Somebody to whom there is an open channel. */
export interface Peer {
  /** For tracks, more channels, and statistics. Perfect negotiation is done for it. */
  readonly connection: RTCPeerConnection;
  /** Open. The connection is closed when it closes. */
  readonly channel: RTCDataChannel;
  /** The member of the topic who it was when the channel opened. On a server of v1, ids are the peers' own. */
  readonly peer: Member;
}

/** What peers say to each other through the server, as JSON: this and one thing more, or a greeting without a run. */
interface Note {
  readonly from: string;
  readonly to?: string;
  /** Counts the connections that the initiator has tried. */
  readonly run?: number;
  /** Number of this note in the run, and of the next one that its sender waits for. */
  readonly n?: number;
  readonly next?: number;
  readonly description?: RTCSessionDescriptionInit | null;
  readonly candidate?: RTCIceCandidateInit;
  /** The responder asks for an ICE restart. */
  readonly restart?: true;
}

/** Until a connection that does not open is given up for another one, in milliseconds. */
const ATTEMPT_MS = 15_000;
/** Between two greetings to a topic where nobody is known, on a server of v1, in milliseconds. */
const GREET_MS = 1000;
/** Peers at a time. */
const MOST_PEERS = 64;
/** Notes of a peer that may wait. */
const MOST_NOTES = 256;

/** Connects to one peer. Resolves once the channel is open; what is said through the server later goes on being handled. */
export async function connectPeer(signal: Signal, options: PeerOptions): Promise<Peer> {
  for await (const peer of connectPeers(signal, options)) return peer;
  throw options.signal?.reason;
}

/**
 * Connects to everybody who comes, until the loop ends. Channels that are open then stay open, and the topic is left with
 * the last one.
 */
export async function* connectPeers(signal: Signal, options: PeerOptions): AsyncGenerator<Peer, void, undefined> {
  const room = new Room(signal, options);
  const over = options.signal;
  try {
    await abortable(room.enter(), over);
    for (;;) yield await abortable(room.next(), over);
  } finally {
    room.close();
  }
}

/**
 * The topics on which peers meet. Owns the pairs, and what is said for them. Does not know WebRTC. Invariant: it is on
 * its topics for as long as somebody may come, or a pair has a channel.
 */
class Room {
  /** Names this side to the others. The smaller name makes the offers; member ids change with each reconnect. */
  readonly me: string;
  readonly options: PeerOptions;
  readonly Connection: new (config: RTCConfiguration) => RTCPeerConnection;
  /** The connections that were tried here, by this side. */
  runs = 0;
  readonly #signal: Signal;
  readonly #pairs = new Map<string, Pair>();
  readonly #topics = new Map<string, Topic>();
  /** Pairs that are open, and why nobody can come. */
  readonly #news: (Pair | Error)[] = [];
  #greeter: ReturnType<typeof setInterval> | undefined;
  #secret: Secret | undefined;
  #wake = (): void => {};
  #sending: Promise<unknown> = Promise.resolve();
  #receiving: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(signal: Signal, options: PeerOptions) {
    const { role } = options;
    this.#signal = signal;
    this.options = options;
    // Throws where there is no WebRTC.
    this.Connection = (options.RTCPeerConnection ?? RTCPeerConnection) as typeof this.Connection;
    this.me = ({ initiator: 0, responder: 2 }[role!] ?? 1) + hex(crypto.getRandomValues(new Uint8Array(8)));
  }

  async enter(): Promise<void> {
    const { topic, secret } = this.options;
    this.#greeter = setInterval(() => this.#pairs.size || this.#greet(), GREET_MS);
    if (secret) {
      const { Secret } = await import('./secret.js');
      this.#secret = await Secret.of(secret);
      if (!this.#closed) await this.#secret.follow((topics) => this.#move(topics));
    } else this.#move([topic!]);
  }

  /** The next peer whose channel opens. */
  async next(): Promise<Peer> {
    while (!this.#news[0]) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const news = this.#news.shift()!;
    if (news instanceof Error) throw news;
    news.isTaken = true;
    return news.peer!;
  }

  async config(): Promise<RTCConfiguration> {
    const { config } = this.options;
    // A server may have some, but not for everybody.
    return { ...config, iceServers: config?.iceServers ?? (await this.#signal.iceServers().catch(() => [])) };
  }

  /** Nobody new is let in. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#greeter);
    for (const pair of this.#pairs.values()) if (!pair.isTaken) pair.end();
    this.#leave();
  }

  tell(news: Pair | Error): void {
    this.#news.push(news);
    this.#wake();
  }

  ended(pair: Pair): void {
    this.#pairs.delete(pair.name);
    this.#leave();
    // Who is still there may have another try.
    if (!pair.peer) this.#greet(true);
  }

  say(note: Omit<Note, 'from'>, topic: Topic, to?: string): void {
    const content = utf8(JSON.stringify({ ...note, from: this.me }));
    this.#sending = this.#sending.then(async () => {
      const about = [topic.name, topic.self, to];
      // What did not arrive is said again when somebody comes back.
      topic
        .send(this.#secret ? await this.#secret.seal(content, about) : content, { to })
        .catch((error: SignalError) => /unknown|left|closed/.test(error.code) || this.#signal.fault(error));
    });
  }

  fault(code: string, cause: unknown): void {
    this.#signal.fault(new SignalError(code, 'A member sent what no peer sends.', { cause }));
  }

  /** Joins these topics, and leaves all others. */
  #move(names: readonly string[]): void {
    for (const [name, topic] of this.#topics) {
      if (names.includes(name)) continue;
      this.#topics.delete(name);
      topic.leave();
    }
    for (const name of names) if (!this.#topics.has(name)) this.#join(name);
  }

  #join(name: string, presence = true): void {
    const topic = this.#signal.join(name, { presence, data: utf8(this.me) });
    this.#topics.set(name, topic);
    topic.addEventListener('joined', ({ member }) => {
      const peer = nameOf(member);
      if (peer) this.#meet(peer, topic, member.id)?.resend();
    });
    topic.addEventListener('message', (event) => this.#hear(topic, event));
    topic.addEventListener('ready', () => {
      for (const pair of this.#pairs.values()) pair.resend();
      this.#greet();
    });
    topic.addEventListener('ended', ({ error }) => {
      if (this.#topics.get(name) !== topic) return;
      // Who may not be told the members greets them, as on a server of v1.
      if (presence && error.code === 'forbidden') this.#join(name, false);
      else this.tell(error);
    });
  }

  /** Asks who is here, which a server of v1 does not tell. */
  #greet(anyway?: boolean): void {
    for (const topic of this.#topics.values()) if (anyway || !topic.self) this.say({}, topic);
  }

  #meet(name: string, topic: Topic, id: string | undefined): Pair | undefined {
    let pair = this.#pairs.get(name);
    if (!pair) {
      if (name === this.me || this.#closed || this.#pairs.size >= MOST_PEERS) return undefined;
      pair = new Pair(this, name);
      this.#pairs.set(name, pair);
    }
    pair.found(topic, id);
    return pair;
  }

  #hear(topic: Topic, { payload, from, to }: TopicMessage): void {
    if (this.#waiting > MOST_NOTES) return;
    this.#waiting++;
    this.#receiving = this.#receiving
      .then(async () => {
        this.#waiting--;
        const content = this.#secret ? await this.#secret.open(payload, [topic.name, from, to]) : payload;
        const note = JSON.parse(new TextDecoder().decode(content)) as Note;
        // A server of v1 tells no members, and one of v2 may tell them a moment later. A member of v1 has no data.
        const name = nameOf(topic.members.get(from!)) ?? note.from;
        if (!NAME.test(note.from) || name !== note.from) throw new TypeError('not who it says');
        if (note.to && note.to !== this.me) return;
        const pair = this.#meet(note.from, topic, from);
        if (note.run) void pair?.take(note);
        else if (pair) {
          pair.resend();
          if (!note.to) this.say({ to: note.from }, topic, from);
        }
      })
      .catch((error) => this.fault('bad_note', error));
  }

  #leave(): void {
    if (!this.#closed || this.#pairs.size) return;
    this.#secret?.stop();
    this.#move([]);
  }
}

const NAME = /^[012][0-9a-f]{16}$/;

/** The name in the data of a member, if it is there to meet peers. */
function nameOf(member: Member | undefined): string | undefined {
  return NAME.exec(new TextDecoder().decode(member?.data))?.[0];
}

/**
 * This side and one other. Owns their RTCPeerConnection, and the notes that the other has not confirmed. Does not know
 * how notes travel. Invariant: the other's notes are handled once each, in the order of their numbers.
 */
class Pair {
  readonly name: string;
  /** Since the channel was open. */
  peer: Peer | undefined;
  /** Whether somebody has got it. */
  isTaken = false;
  readonly #room: Room;
  readonly #initiator: boolean;
  readonly #inbox = new Map<number, Note>();
  /** Where the other was last. */
  #topic!: Topic;
  #id: string | undefined;
  #connection: RTCPeerConnection | undefined;
  #run = 0;
  #n = 0;
  #next = 0;
  #sent: Note[] = [];
  #busy = false;
  #handle!: Promise<(note: Note) => Promise<void>>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: Room, name: string) {
    this.name = name;
    this.#room = room;
    this.#initiator = room.me < name;
    this.#wait();
  }

  /** Where the other is now. The initiator begins. */
  found(topic: Topic, id: string | undefined): void {
    this.#topic = topic;
    this.#id = id;
    if (!this.#run && this.#initiator) this.#begin(++this.#room.runs);
  }

  /** Says everything again that the other has not confirmed. */
  resend(): void {
    for (const note of this.#sent) this.#say(note);
  }

  async take(note: Note): Promise<void> {
    const { run = 0, n = 0, next = 0 } = note;
    if (run > this.#run && !this.#initiator) this.#begin(run);
    if (run !== this.#run) return;
    this.#sent = this.#sent.filter((sent) => sent.n! >= next);
    if (n >= this.#next && this.#inbox.size < MOST_NOTES) this.#inbox.set(n, note);
    if (this.#busy) return;
    this.#busy = true;
    for (let due; (due = this.#inbox.get(this.#next));) {
      this.#inbox.delete(this.#next++);
      const { run: then } = due;
      try {
        await (
          await this.#handle
        )(due);
      } catch (error) {
        if (then === this.#run) this.#room.fault('negotiation', error);
      }
    }
    this.#busy = false;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#run = -1;
    this.#drop();
    this.#room.ended(this);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  /** Gives up, unless a channel is open in time. */
  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), ATTEMPT_MS);
  }

  /** Begins anew, with another connection. */
  #begin(run: number): void {
    this.#drop();
    this.#wait();
    this.#run = run;
    this.#n = this.#next = 0;
    this.#sent = [];
    this.#inbox.clear();
    this.#handle = this.#connect(run);
    this.#handle.catch((error) => this.#room.tell(error));
  }

  async #connect(run: number): Promise<(note: Note) => Promise<void>> {
    const config = await this.#room.config();
    if (run !== this.#run) return async () => {};
    const connection = new this.#room.Connection(config);
    this.#connection = connection;
    const close = connection.close.bind(connection);
    connection.close = () => {
      close();
      if (connection === this.#connection) this.end();
    };
    const channel = connection.createDataChannel('', { ...this.#room.options.channel, negotiated: true, id: 0 });
    channel.addEventListener('open', () => {
      clearTimeout(this.#timer);
      const peer = this.#topic.members.get(this.#id!) ?? { id: this.name, data: undefined };
      this.peer = { connection, channel, peer };
      this.#room.tell(this);
    });
    channel.addEventListener('close', () => connection.close());
    return negotiate(connection, this.#initiator, this.#room, (content) => {
      if (run !== this.#run) return;
      const note = { to: this.name, run, n: this.#n++, ...content };
      this.#sent.push(note as Note);
      this.#say(note as Note);
    });
  }

  #say(note: Note): void {
    this.#room.say({ ...note, next: this.#next }, this.#topic, this.#id);
  }
}

/** Perfect negotiation (W3C webrtc-pc, section 10.7), in which only the initiator makes the first offer. */
function negotiate(
  connection: RTCPeerConnection,
  initiator: boolean,
  room: Room,
  say: (content: Partial<Note>) => void,
): (note: Note) => Promise<void> {
  let making = false;
  let ignoring = false;
  const describe = async (): Promise<void> => {
    await connection.setLocalDescription();
    say({ description: connection.localDescription });
  };
  const restart = async (): Promise<void> => {
    connection.setConfiguration(await room.config());
    connection.restartIce();
  };
  connection.addEventListener('negotiationneeded', async () => {
    if (!initiator && !connection.remoteDescription) return;
    making = true;
    await describe().catch(() => {});
    making = false;
  });
  connection.addEventListener('icecandidate', ({ candidate }) => {
    if (candidate) say({ candidate: candidate.toJSON() });
  });
  connection.addEventListener('connectionstatechange', () => {
    if (connection.connectionState !== 'failed') return;
    if (initiator) restart().catch(() => {});
    else say({ restart: true });
  });
  return async ({ description, candidate, restart: asked }) => {
    if (asked) await restart();
    if (description) {
      const isOffer = description.type === 'offer';
      ignoring = initiator && isOffer && (making || connection.signalingState !== 'stable');
      if (ignoring) return;
      await connection.setRemoteDescription(description);
      if (isOffer) await describe();
    } else if (candidate && !ignoring) await connection.addIceCandidate(candidate);
  };
}
