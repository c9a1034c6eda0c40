import type { Member } from './link.js';
import type { Secret } from './secret.js';
import { abortable, check, hex, later, SignalError, utf8 } from './shared.js';
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

const NAME = /^[012][0-9a-f]{16}$/;

/** The name in the data of a member, if it is there to meet peers. */
function nameOf(member: Member | undefined): string | undefined {
  return NAME.exec(text(member?.data))?.[0];
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
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
 * Connects to everybody who comes, until the loop ends. Channels that are open then stay open, and the topic is left with
 * the last one.
 *
 * Owns the topics on which peers meet, and the pairs. Invariant: it is on its topics for as long as somebody may come, or
 * a pair has a channel.
 */
export async function* connectPeers(signal: Signal, options: PeerOptions): AsyncGenerator<Peer, void, undefined> {
  const { config, signal: over } = options;
  // Throws where there is no WebRTC.
  const Connection = (options.RTCPeerConnection ?? RTCPeerConnection) as typeof RTCPeerConnection;
  /** Names this side to the others. The smaller name makes the offers; member ids change with each reconnect. */
  const me = ({ initiator: 0, responder: 2 }[options.role!] ?? 1) + hex(crypto.getRandomValues(new Uint8Array(8)));
  const pairs = new Map<string, Pair>();
  const topics = new Map<string, Topic>();
  /** What each turn of the loop gives, or throws. */
  const news: (() => Peer)[] = [];
  /** Notes of each member that wait to be looked at. All others of one that has sent too many are dropped till then. */
  const waiting = new Map<string | undefined, { notes: number; isFull?: boolean }>();
  let wake = (): void => {};
  let sending: Promise<unknown> = Promise.resolve();
  let receiving: Promise<unknown> = Promise.resolve();
  let secret: Secret | undefined;
  let isClosed = false;
  /** The connections that were tried here, by this side. */
  let runs = 0;

  function tell(what: () => Peer): void {
    news.push(what);
    wake();
  }

  function fail(error: unknown): void {
    tell(() => {
      throw error;
    });
  }

  function fault(code: string, cause: unknown): void {
    signal.fault(new SignalError(code, 'A member sent what no peer sends.', { cause }));
  }

  function say(note: Omit<Note, 'from'>, topic: Topic, to?: string): void {
    const content = utf8(JSON.stringify({ ...note, from: me }));
    sending = sending.then(async () => {
      // What did not arrive is said again when somebody comes back.
      topic
        .send(secret ? await secret.seal(content, [topic.name, topic.self, to]) : content, { to })
        .catch((error: SignalError) => /unknown|left|closed/.test(error.code) || signal.fault(error));
    });
  }

  /** Asks who is here, which a server of v1 does not tell. */
  function greet(anyway?: boolean): void {
    for (const topic of topics.values()) if (anyway || !topic.self) say({}, topic);
  }

  /** Is on these topics, and on no others. */
  function move(names: readonly string[]): void {
    for (const [name, topic] of topics) {
      if (names.includes(name)) continue;
      topics.delete(name);
      topic.leave();
    }
    for (const name of names) if (!topics.has(name)) join(name);
  }

  function join(name: string, presence = true): void {
    const topic = signal.join(name, { presence, data: utf8(me) });
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
      if (topics.get(name) !== topic) return;
      // Who may not be told the members greets them, as on a server of v1.
      if (presence && error.code === 'forbidden') join(name, false);
      else fail(error);
    });
  }

  function leave(): void {
    if (!isClosed || pairs.size) return;
    secret?.stop();
    move([]);
  }

  function meet(name: string, topic: Topic, id: string | undefined): Pair | undefined {
    let pair = pairs.get(name);
    if (!pair) {
      if (name === me || isClosed || pairs.size >= MOST_PEERS) return undefined;
      pair = makePair(name);
      pairs.set(name, pair);
    }
    pair.found(topic, id);
    return pair;
  }

  function hear(topic: Topic, { payload, from, to }: TopicMessage): void {
    const queue = waiting.get(from) ?? { notes: 0 };
    if (queue.isFull) return;
    queue.isFull = queue.notes === MOST_NOTES;
    if (queue.isFull) return fault('bad_note', 'too many');
    queue.notes++;
    waiting.set(from, queue);
    receiving = receiving
      .then(async () => {
        if (!--queue.notes) waiting.delete(from);
        const content = secret ? await secret.open(payload, [topic.name, from, to]) : payload;
        const note = JSON.parse(text(content)) as Note;
        // A server of v1 tells no members, and one of v2 may tell them a moment later. A member of v1 has no data.
        check(NAME.test(note.from) && (nameOf(topic.members.get(from!)) ?? note.from) === note.from);
        if (note.to && note.to !== me) return;
        const pair = meet(note.from, topic, from);
        if (note.run) pair?.take(note);
        else if (pair) {
          pair.resend();
          if (!note.to) say({ to: note.from }, topic, from);
        }
      })
      .catch((error) => fault('bad_note', error));
  }

  /**
   * This side and one other. Owns their RTCPeerConnection, and the notes that the other has not confirmed. Does not know
   * how notes travel. Invariant: the other's notes are handled once each, in the order of their numbers.
   */
  function makePair(name: string): Pair {
    const isInitiator = me < name;
    /** Notes that the other has not confirmed. */
    let sent: Note[] = [];
    /** Where the other was last. */
    let topic: Topic;
    let id: string | undefined;
    let current: RTCPeerConnection | undefined;
    let run = 0;
    /** Number of the next note to be sent, of the next one that comes, and of the next one to be handled. */
    let n = 0;
    let next = 0;
    let due = 0;
    let isOpen = false;
    let isTaken = false;
    /** Settled when all notes are handled; to what handles the next. */
    let handling: Promise<((note: Note) => Promise<void>) | void>;
    let timer = setTimeout(end, ATTEMPT_MS);
    let renewal: ReturnType<typeof setTimeout> | undefined;

    function drop(): void {
      const connection = current;
      current = undefined;
      clearTimeout(timer);
      clearTimeout(renewal);
      connection?.close();
    }

    function end(): void {
      run = -1;
      drop();
      pairs.delete(name);
      leave();
      // Who is still there may have another try.
      if (!isOpen) greet(true);
    }

    /** Begins anew, with another connection. Gives up, unless its channel is open in time. */
    function begin(of: number): void {
      drop();
      timer = setTimeout(end, ATTEMPT_MS);
      run = of;
      n = next = due = 0;
      sent = [];
      handling = connect().catch(fail);
    }

    async function connect(): Promise<((note: Note) => Promise<void>) | void> {
      const of = run;
      // A server may have ICE servers, but not for everybody.
      const iceServers = config?.iceServers ?? (await signal.iceServers().catch(() => []));
      if (of !== run) return undefined;
      const connection = new Connection({ ...config, iceServers });
      current = connection;
      const close = connection.close.bind(connection);
      connection.close = () => {
        close();
        if (connection === current) end();
      };
      const channel = connection.createDataChannel('', { ...options.channel, negotiated: true, id: 0 });
      channel.addEventListener('open', () => {
        clearTimeout(timer);
        isOpen = true;
        const peer = topic.members.get(id!) ?? { id: name, data: undefined };
        tell(() => {
          isTaken = true;
          return { connection, channel, peer };
        });
      });
      channel.addEventListener('close', () => connection.close());
      keep();
      return negotiate(connection, isInitiator, renew, (content) => {
        if (of !== run) return;
        const note = { to: name, run, n: n++, ...content } as Note;
        sent.push(note);
        send(note);
      });

      /** Has the ICE servers of the server renewed before their time is over, as long as the connection lives. */
      function keep(): void {
        clearTimeout(renewal);
        const { iceUntil, state } = signal;
        if (config?.iceServers || iceUntil === undefined || state === 'closed' || connection !== current) return;
        renewal = later(renew, Math.max(RENEW_MS, iceUntil - Date.now()));
      }

      async function renew(): Promise<void> {
        if (config?.iceServers) return;
        // What cannot be had, or given, now is tried again; old browsers cannot give it.
        await signal
          .iceServers()
          .then((fresh) =>
            connection.setConfiguration({ ...config, ...connection.getConfiguration?.(), iceServers: fresh }),
          )
          .catch(() => {});
        keep();
      }
    }

    function send(note: Note): void {
      say({ ...note, next }, topic, id);
    }

    return {
      found(where, who) {
        topic = where;
        id = who;
        if (!run && isInitiator) begin(++runs);
      },
      resend() {
        sent.forEach(send);
      },
      take(note) {
        const of = note.run!;
        if (of > run && !isInitiator) begin(of);
        if (of !== run) return;
        sent = sent.filter((one) => one.n! >= note.next!);
        // What comes early is said again, since one before it is missing.
        if (note.n !== next || next - due >= MOST_NOTES) return;
        next++;
        handling = handling.then(async (handle) => {
          await handle?.(note).catch((error) => of === run && fault('negotiation', error));
          if (of === run) due++;
          return handle;
        });
      },
      giveUp() {
        if (!isTaken) end();
      },
    };
  }

  const greeter = setInterval(() => pairs.size || greet(), GREET_MS);
  try {
    if (options.secret) {
      const { Secret } = await abortable(import('./secret.js'), over);
      secret = await abortable(Secret.of(options.secret), over);
      await abortable(secret.follow(move), over);
    } else move([options.topic!]);
    for (;;) {
      while (!news[0]) await abortable(new Promise<void>((resolve) => (wake = resolve)), over);
      yield news.shift()!();
    }
  } finally {
    isClosed = true;
    clearInterval(greeter);
    for (const pair of pairs.values()) pair.giveUp();
    leave();
  }
}

/**
 * Perfect negotiation (W3C webrtc-pc, section 10.7), in which only the initiator makes the first offer. `renew` is awaited
 * before ICE is restarted. Returns what handles the other's notes.
 */
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
