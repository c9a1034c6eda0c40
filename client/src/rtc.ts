import type { Member } from './link.js';
import type { Secret } from './secret.js';
import { abortable, hex, later, SignalError } from './shared.js';
import type { Abortable } from './shared.js';
import type { Signal } from './signal.js';
import type { Topic, TopicMessage } from './topic.js';

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
  /** The class to use: by default the global one, which Node does not have. */
  readonly RTCPeerConnection?: (new (config: RTCConfiguration) => RTCPeerConnection) | undefined;
}

export interface Peer {
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

/** Until another connection is tried, in milliseconds. */
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
  try {
    await abortable(room.enter(), options.signal);
    for (;;) yield await abortable(room.next(), options.signal);
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
  readonly signal: Signal;
  readonly options: PeerOptions;
  /** The connections that were tried here, by this side. */
  runs = 0;
  readonly #pairs = new Map<string, Pair>();
  readonly #topics = new Map<string, Topic>();
  readonly #over = new AbortController();
  #secret: Secret | undefined;
  #error: unknown;
  #opened: Peer[] = [];
  #wake = (): void => {};
  #sending: Promise<unknown> = Promise.resolve();
  #receiving: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #greeter: ReturnType<typeof setInterval> | undefined;

  constructor(signal: Signal, options: PeerOptions) {
    this.signal = signal;
    this.options = options;
    const { role } = options;
    this.me = (role ? (role === 'initiator' ? 0 : 2) : 1) + hex(crypto.getRandomValues(new Uint8Array(8)));
  }

  async enter(): Promise<void> {
    const { topic, secret, RTCPeerConnection: Connection = globalThis.RTCPeerConnection } = this.options;
    if (!Connection) throw new SignalError('no_webrtc', 'There is no WebRTC here. Give an RTCPeerConnection.');
    this.#greeter = setInterval(() => this.#pairs.size || this.#greet(), GREET_MS);
    if (secret) {
      this.#secret = await (await import('./secret.js')).Secret.of(secret);
      await this.#turn();
      this.signal.addEventListener('open', () => void this.#turn(), { signal: this.#over.signal });
    } else if (topic !== undefined) this.#join(topic);
    else throw new TypeError('Peers need a topic or a secret to meet.');
  }

  /** The next peer whose channel opens. */
  async next(): Promise<Peer> {
    while (!this.#opened[0]) {
      if (this.#error) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#opened.shift()!;
  }

  async config(): Promise<RTCConfiguration> {
    const { config } = this.options;
    // A server may have some, but not for everybody.
    return { ...config, iceServers: config?.iceServers ?? (await this.signal.iceServers().catch(() => [])) };
  }

  /** Nothing can be connected here. */
  failed(error: unknown): void {
    this.#error ??= error;
    this.#wake();
  }

  /** Nobody new is let in. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#greeter);
    // What nobody has got.
    for (const pair of this.#pairs.values()) {
      if (!pair.channel || this.#opened.some(({ channel }) => channel === pair.channel)) pair.end();
    }
    this.#leave();
  }

  opened(peer: Peer): void {
    this.#opened.push(peer);
    this.#wake();
  }

  ended(pair: Pair): void {
    this.#pairs.delete(pair.name);
    this.#leave();
  }

  say(note: Omit<Note, 'from'>, topic: Topic, to?: string): void {
    const content = new TextEncoder().encode(JSON.stringify({ ...note, from: this.me }));
    this.#sending = this.#sending
      .then(async () => {
        const payload = this.#secret
          ? await this.#secret.seal(content, topic.name, topic.self ?? '', to ?? '')
          : content;
        // Not awaited: pairs notice by themselves what did not arrive.
        topic.send(payload, { to }).catch((error) => this.fault(error));
      })
      .catch((error) => this.fault(error));
  }

  /** Tells of what went wrong, unless it is repaired anyway. */
  fault(cause: unknown, code?: string, message?: string): void {
    if (code) this.signal.fault(new SignalError(code, message!, { cause }));
    else if (!/unknown|left|closed/.test((cause as SignalError).code)) this.signal.fault(cause as SignalError);
  }

  /** Joins the topics of now, and leaves those of before. */
  async #turn(): Promise<void> {
    const { topics, seconds } = await this.#secret!.topics(Date.now() / 1000);
    clearTimeout(this.#timer);
    if (this.#over.signal.aborted) return;
    this.#timer = later(() => void this.#turn(), seconds * 1000);
    for (const name of topics) if (!this.#topics.has(name)) this.#join(name);
    for (const [name, topic] of this.#topics) if (!topics.includes(name)) this.#drop(topic);
  }

  #drop(topic: Topic): void {
    this.#topics.delete(topic.name);
    topic.leave();
  }

  #join(name: string): void {
    const topic = this.signal.join(name, { presence: true, data: new TextEncoder().encode(this.me) });
    this.#topics.set(name, topic);
    const over = { signal: this.#over.signal };
    const met = ({ member }: { member: Member }): void => {
      const text = nameOf(member);
      if (text) this.#meet(text, topic, member.id)?.resend();
    };
    topic.addEventListener('joined', met, over);
    topic.addEventListener('message', (event) => this.#hear(topic, event), over);
    topic.addEventListener(
      'ready',
      () => {
        for (const pair of this.#pairs.values()) pair.resend();
        this.#greet();
      },
      over,
    );
    topic.addEventListener('ended', ({ error }) => this.#topics.has(name) && this.failed(error), over);
  }

  /** Where the server does not tell who is here. */
  #greet(): void {
    for (const topic of this.#topics.values()) if (!topic.self) this.say({}, topic);
  }

  #meet(name: string, topic: Topic, id: string | undefined): Pair | undefined {
    let pair = this.#pairs.get(name);
    if (name === this.me) return undefined;
    if (!pair) {
      if (this.#closed || this.#pairs.size >= MOST_PEERS) return undefined;
      pair = new Pair(this, name);
      this.#pairs.set(name, pair);
    }
    pair.found(topic, id);
    return pair;
  }

  #hear(topic: Topic, { payload, from, to }: TopicMessage): void {
    if (this.#waiting > MOST_NOTES) return;
    this.#waiting++;
    const self = to ?? '';
    this.#receiving = this.#receiving
      .then(async () => {
        this.#waiting--;
        const about = [topic.name, from ?? '', self];
        const content = this.#secret ? await this.#secret.open(payload, ...about) : payload;
        const note = JSON.parse(new TextDecoder().decode(content)) as Note;
        // A server of v1 tells no members, and one of v2 may tell them a moment later.
        const member = topic.members.get(from!);
        if (!isName(note.from) || (member && nameOf(member) !== note.from)) throw new TypeError('not who it says');
        if ((note.to ?? this.me) !== this.me) return;
        const pair = this.#meet(note.from, topic, from);
        if (note.run === undefined) {
          pair?.resend();
          if (pair && !note.to) this.say({ to: note.from }, topic, from);
        } else pair?.take(note);
      })
      .catch((error) => this.fault(error, 'bad_note', 'A member sent something that is of no peer with this secret.'));
  }

  #leave(): void {
    if (!this.#closed || this.#pairs.size) return;
    clearTimeout(this.#timer);
    this.#over.abort();
    for (const topic of this.#topics.values()) this.#drop(topic);
  }
}

/** The name in the data of a member, if it is there to meet peers. */
function nameOf(member: Member | undefined): string | undefined {
  const text = new TextDecoder().decode(member?.data);
  return isName(text) ? text : undefined;
}

function isName(text: string): boolean {
  return /^[012][0-9a-f]{16}$/.test(text);
}

/**
 * This side and one other. Owns their RTCPeerConnection, and the notes that the other has not confirmed. Does not know
 * how notes travel. Invariant: the other's notes are handled once each, in the order of their numbers.
 */
class Pair {
  readonly name: string;
  /** Where the other was last. */
  topic!: Topic;
  id: string | undefined;
  /** Its channel, since it was open. */
  channel: RTCDataChannel | undefined;
  readonly #room: Room;
  readonly #initiator: boolean;
  #connection: RTCPeerConnection | undefined;
  #run = 0;
  #n = 0;
  #next = 0;
  #sent: Note[] = [];
  #inbox = new Map<number, Note>();
  #busy = false;
  #handle!: (note: Note) => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: Room, name: string) {
    this.name = name;
    this.#room = room;
    this.#initiator = room.me < name;
    this.#attempt();
  }

  /** Where the other is now. The initiator begins. */
  found(topic: Topic, id: string | undefined): void {
    this.topic = topic;
    this.id = id;
    if (!this.#run && this.#initiator) this.#begin(++this.#room.runs);
  }

  /** Says everything again that the other has not confirmed. */
  resend(): void {
    for (const note of this.#sent) this.#transmit(note);
  }

  take(note: Note): void {
    const { run = 0, n = 0, next = 0 } = note;
    if (run > this.#run && !this.#initiator) this.#begin(run);
    if (run !== this.#run) return;
    this.#sent = this.#sent.filter((sent) => sent.n! >= next);
    if (n < this.#next || this.#inbox.size >= MOST_NOTES) return;
    this.#inbox.set(n, note);
    void this.#work();
  }

  end(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    clearTimeout(this.#timer);
    this.#run = -1;
    connection?.close();
    this.#room.ended(this);
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let note; (note = this.#inbox.get(this.#next));) {
      this.#inbox.delete(this.#next++);
      const run = this.#run;
      try {
        await this.#handle(note);
      } catch (error) {
        if (run === this.#run) this.#room.fault(error, 'negotiation', 'A peer sent what WebRTC does not take.');
      }
    }
    this.#busy = false;
  }

  #attempt(): void {
    this.#timer = setTimeout(() => {
      if (nameOf(this.topic.members.get(this.id!)) !== this.name) return this.end();
      if (this.#initiator) this.#begin(++this.#room.runs);
      this.#attempt();
    }, ATTEMPT_MS);
  }

  /** Begins anew, with another connection. */
  #begin(run: number): void {
    const old = this.#connection;
    this.#connection = undefined;
    old?.close();
    this.#run = run;
    this.#n = this.#next = 0;
    this.#sent = [];
    this.#inbox.clear();
    const negotiated = this.#connect(run);
    negotiated.catch((error) => {
      this.#room.failed(error);
    });
    this.#handle = async (note) => (await negotiated)(note);
  }

  async #connect(run: number): Promise<(note: Note) => Promise<void>> {
    const { RTCPeerConnection: Connection = RTCPeerConnection, channel: init } = this.#room.options;
    const config = await this.#room.config();
    if (run !== this.#run) return async () => {};
    const connection = new Connection(config);
    this.#connection = connection;
    const close = connection.close.bind(connection);
    connection.close = () => {
      close();
      if (connection === this.#connection) this.end();
    };
    const channel = connection.createDataChannel('', { ...init, negotiated: true, id: 0 });
    channel.addEventListener('open', () => {
      clearTimeout(this.#timer);
      this.channel = channel;
      this.#room.opened({
        connection,
        channel,
        peer: this.topic.members.get(this.id!) ?? { id: this.name, data: undefined },
      });
    });
    channel.addEventListener('close', () => connection.close());
    return negotiate(connection, this.#initiator, this.#room, (content) => {
      if (run !== this.#run) return;
      const note = { to: this.name, run, n: this.#n++, ...content };
      this.#sent.push(note as Note);
      this.#transmit(note as Note);
    });
  }

  #transmit(note: Note): void {
    this.#room.say({ ...note, next: this.#next }, this.topic, this.id);
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
