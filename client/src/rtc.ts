import type { Member } from './link.js';
import type { Secret } from './secret.js';
import { abortable, check, hex, later, SignalError, utf8 } from './shared.js';
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

/** Until a connection that does not open is given up for another one, in milliseconds. */
const ATTEMPT_MS = 15_000;
/** Between two greetings to a topic where nobody is known, on a server of v1, in milliseconds. */
const GREET_MS = 1000;
/** Between two attempts to have fresh ICE servers, in milliseconds. */
const RENEW_MS = 30_000;
/** Peers at a time. */
const MOST_PEERS = 64;
/** Notes of a member, and of a peer, that may wait. */
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
  const room = openRoom(signal, options);
  const over = options.signal;
  try {
    await abortable(room.enter(), over);
    for (;;) yield await abortable(room.next(), over);
  } finally {
    room.close();
  }
}

/** What a pair needs of its room. */
interface Room {
  readonly signal: Signal;
  readonly options: PeerOptions;
  /** Names this side to the others. The smaller name makes the offers; member ids change with each reconnect. */
  readonly me: string;
  /** The connections that were tried here, by this side. */
  runs: number;
  readonly connect: (config: RTCConfiguration) => RTCPeerConnection;
  /** What `next` gives next, or throws, if it is an error. */
  tell(news: () => Peer): void;
  say(note: Omit<Note, 'from'>, topic: Topic, to?: string): void;
  fault(code: string, cause: unknown): void;
  /** A pair has ended; `opened` if it had a channel. */
  ended(name: string, opened: boolean): void;
}

/** One other, seen from here. */
interface Pair {
  /** Where the other is now. The initiator begins. */
  found(topic: Topic, id: string | undefined): void;
  /** Says everything again that the other has not confirmed. */
  resend(): void;
  take(note: Note): void;
  /** Ends, unless somebody has got the peer. */
  giveUp(): void;
}

/**
 * The topics on which peers meet. Owns the pairs, and what is said for them. Does not know WebRTC. Invariant: it is on
 * its topics for as long as somebody may come, or a pair has a channel.
 */
function openRoom(signal: Signal, options: PeerOptions) {
  // Throws where there is no WebRTC.
  const Connection = options.RTCPeerConnection ?? RTCPeerConnection;
  const pairs = new Map<string, Pair>();
  const topics = new Map<string, Topic>();
  const news: (() => Peer)[] = [];
  /** Notes of each member that wait to be looked at; all others of one that has sent too many are dropped till then. */
  const waiting = new Map<string | undefined, { notes: number; isFull?: boolean }>();
  let wake = (): void => {};
  let sending: Promise<unknown> = Promise.resolve();
  let receiving: Promise<unknown> = Promise.resolve();
  let secret: Secret | undefined;
  let isClosed = false;

  const room: Room = {
    signal,
    options,
    me: ({ initiator: 0, responder: 2 }[options.role!] ?? 1) + hex(crypto.getRandomValues(new Uint8Array(8))),
    runs: 0,
    connect: (config) => new Connection(config),
    tell(what) {
      news.push(what);
      wake();
    },
    say(note, topic, to) {
      const content = utf8(JSON.stringify({ ...note, from: room.me }));
      sending = sending.then(async () => {
        // What did not arrive is said again when somebody comes back.
        topic
          .send(secret ? await secret.seal(content, [topic.name, topic.self, to]) : content, { to })
          .catch((error: SignalError) => /unknown|left|closed/.test(error.code) || signal.fault(error));
      });
    },
    fault(code, cause) {
      signal.fault(new SignalError(code, 'A member sent what no peer sends.', { cause }));
    },
    ended(name, opened) {
      pairs.delete(name);
      leave();
      // Who is still there may have another try.
      if (!opened) greet(true);
    },
  };

  /** Asks who is here, which a server of v1 does not tell. */
  const greet = (anyway?: boolean): void => {
    for (const topic of topics.values()) if (anyway || !topic.self) room.say({}, topic);
  };
  const greeter = setInterval(() => pairs.size || greet(), GREET_MS);

  /** Joins these topics, and leaves all others. */
  const move = (names: readonly string[]): void => {
    for (const [name, topic] of topics) {
      if (names.includes(name)) continue;
      topics.delete(name);
      topic.leave();
    }
    for (const name of names) if (!topics.has(name)) join(name);
  };

  const join = (name: string): void => {
    const topic = signal.join(name, { presence: true, data: utf8(room.me) });
    topics.set(name, topic);
    topic.addEventListener('joined', ({ member }) => {
      const peer = nameOf(member);
      if (peer) meet(peer, topic, member.id)?.resend();
    });
    topic.addEventListener('message', (event) => hear(topic, event));
    topic.addEventListener('ready', () => {
      for (const pair of pairs.values()) pair.resend();
      greet();
    });
    topic.addEventListener('ended', ({ error }) => {
      if (topics.has(name)) {
        room.tell(() => {
          throw error;
        });
      }
    });
  };

  const leave = (): void => {
    if (!isClosed || pairs.size) return;
    secret?.stop();
    move([]);
  };

  const meet = (name: string, topic: Topic, id: string | undefined): Pair | undefined => {
    let pair = pairs.get(name);
    if (!pair) {
      if (name === room.me || isClosed || pairs.size >= MOST_PEERS) return undefined;
      pair = makePair(room, name);
      pairs.set(name, pair);
    }
    pair.found(topic, id);
    return pair;
  };

  const hear = (topic: Topic, { payload, from, to }: TopicMessage): void => {
    const queue = waiting.get(from) ?? { notes: 0 };
    if (queue.isFull) return;
    queue.isFull = queue.notes === MOST_NOTES;
    if (queue.isFull) return room.fault('bad_note', 'too many');
    queue.notes++;
    waiting.set(from, queue);
    receiving = receiving
      .then(async () => {
        if (!--queue.notes) waiting.delete(from);
        const content = secret ? await secret.open(payload, [topic.name, from, to]) : payload;
        const note = JSON.parse(new TextDecoder().decode(content)) as Note;
        // A server of v1 tells no members, and one of v2 may tell them a moment later.
        const member = topic.members.get(from!);
        check(NAME.test(note.from) && (!member || nameOf(member) === note.from));
        if (note.to && note.to !== room.me) return;
        const pair = meet(note.from, topic, from);
        if (note.run) pair?.take(note);
        else if (pair) {
          pair.resend();
          if (!note.to) room.say({ to: note.from }, topic, from);
        }
      })
      .catch((error) => room.fault('bad_note', error));
  };

  return {
    async enter(): Promise<void> {
      if (options.secret) {
        const { Secret } = await import('./secret.js');
        secret = await Secret.of(options.secret);
        if (!isClosed) await secret.follow(move);
      } else move([options.topic!]);
    },

    /** The next peer whose channel opens. */
    async next(): Promise<Peer> {
      while (!news[0]) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return news.shift()!();
    },

    /** Nobody new is let in. */
    close(): void {
      isClosed = true;
      clearInterval(greeter);
      for (const pair of pairs.values()) pair.giveUp();
      leave();
    },
  };
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
function makePair(room: Room, name: string): Pair {
  const { config, channel: init } = room.options;
  const isInitiator = room.me < name;
  /** Notes that have come, by number, and those that the other has not confirmed. */
  const inbox = new Map<number, Note>();
  let sent: Note[] = [];
  /** Where the other was last. */
  let topic: Topic;
  let id: string | undefined;
  let current: RTCPeerConnection | undefined;
  let run = 0;
  let n = 0;
  let next = 0;
  let isOpen = false;
  let isTaken = false;
  /** Settled when all notes are handled; to what handles the next. */
  let handling: Promise<((note: Note) => Promise<void>) | void>;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let renewal: ReturnType<typeof setTimeout> | undefined;

  const send = (note: Note): void => room.say({ ...note, next }, topic, id);

  const drop = (): void => {
    const connection = current;
    current = undefined;
    clearTimeout(timer);
    clearTimeout(renewal);
    connection?.close();
  };

  const end = (): void => {
    run = -1;
    drop();
    room.ended(name, isOpen);
  };

  /** Begins anew, with another connection. Gives up, unless its channel is open in time. */
  const begin = (of: number): void => {
    drop();
    timer = setTimeout(end, ATTEMPT_MS);
    run = of;
    n = next = 0;
    sent = [];
    inbox.clear();
    handling = connect(of).catch((error) =>
      room.tell(() => {
        throw error;
      }),
    );
  };

  const configure = async (): Promise<RTCConfiguration> => ({
    ...config,
    iceServers: config?.iceServers ?? (await room.signal.iceServers()),
  });

  const connect = async (of: number): Promise<((note: Note) => Promise<void>) | void> => {
    // A server may have ICE servers, but not for everybody.
    const configuration = await configure().catch(() => ({ ...config, iceServers: [] }));
    if (of !== run) return;
    const connection = room.connect(configuration);
    current = connection;
    const close = connection.close.bind(connection);
    connection.close = () => {
      close();
      if (connection === current) end();
    };
    const channel = connection.createDataChannel('', { ...init, negotiated: true, id: 0 });
    channel.addEventListener('open', () => {
      clearTimeout(timer);
      isOpen = true;
      const peer = topic.members.get(id!) ?? { id: name, data: undefined };
      room.tell(() => {
        isTaken = true;
        return { connection, channel, peer };
      });
    });
    channel.addEventListener('close', () => connection.close());
    /** Has the ICE servers of the server renewed before their time is over, as long as the connection lives. */
    const keep = (): void => {
      clearTimeout(renewal);
      const { iceUntil, state } = room.signal;
      if (config?.iceServers || iceUntil === undefined || state === 'closed' || connection !== current) return;
      renewal = later(renew, Math.max(RENEW_MS, iceUntil - Date.now()));
    };
    const renew = async (): Promise<void> => {
      // What cannot be had, or given, now is tried again; old browsers cannot give it.
      await configure()
        .then((fresh) => connection.setConfiguration(fresh))
        .catch(() => {});
      keep();
    };
    keep();
    return negotiate(connection, isInitiator, renew, (content) => {
      if (of !== run) return;
      const note = { to: name, run, n: n++, ...content } as Note;
      sent.push(note);
      send(note);
    });
  };

  timer = setTimeout(end, ATTEMPT_MS);
  return {
    found(where, who) {
      topic = where;
      id = who;
      if (!run && isInitiator) begin(++room.runs);
    },
    resend() {
      sent.forEach(send);
    },
    take(note) {
      const { run: of = 0, n: number = 0, next: due = 0 } = note;
      if (of > run && !isInitiator) begin(of);
      if (of !== run) return;
      sent = sent.filter((one) => one.n! >= due);
      if (number >= next && inbox.size < MOST_NOTES) inbox.set(number, note);
      for (let one: Note | undefined; (one = inbox.get(next));) {
        const ready = one;
        inbox.delete(next++);
        handling = handling.then(async (handle) => {
          await handle?.(ready).catch((error) => of === run && room.fault('negotiation', error));
          return handle;
        });
      }
    },
    giveUp() {
      if (!isTaken) end();
    },
  };
}

/** Perfect negotiation (W3C webrtc-pc, section 10.7), in which only the initiator makes the first offer. */
function negotiate(
  connection: RTCPeerConnection,
  isInitiator: boolean,
  renew: () => Promise<void>,
  say: (content: Partial<Note>) => void,
): (note: Note) => Promise<void> {
  let isMaking = false;
  let isIgnoring = false;
  const describe = async (): Promise<void> => {
    await connection.setLocalDescription();
    say({ description: connection.localDescription });
  };
  const restart = async (): Promise<void> => {
    await renew();
    connection.restartIce();
  };
  connection.addEventListener('negotiationneeded', async () => {
    if (!isInitiator && !connection.remoteDescription) return;
    isMaking = true;
    await describe().catch(() => {});
    isMaking = false;
  });
  connection.addEventListener('icecandidate', ({ candidate }) => {
    if (candidate) say({ candidate: candidate.toJSON() });
  });
  connection.addEventListener('connectionstatechange', () => {
    if (connection.connectionState !== 'failed') return;
    if (isInitiator) restart().catch(() => {});
    else say({ restart: true });
  });
  return async ({ description, candidate, restart: isAsked }) => {
    if (isAsked) await restart();
    if (description) {
      const isOffer = description.type === 'offer';
      isIgnoring = isInitiator && isOffer && (isMaking || connection.signalingState !== 'stable');
      if (isIgnoring) return;
      await connection.setRemoteDescription(description);
      if (isOffer) await describe();
    } else if (candidate && !isIgnoring) await connection.addIceCandidate(candidate);
  };
}
