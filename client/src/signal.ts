import { Link, refusalOf, V1, V2 } from './link.js';
import type { SocketConstructor } from './link.js';
import { abortable, check, hex, later, SignalError, Target, utf8 } from './shared.js';
import type { Abortable } from './shared.js';
import { Topic } from './topic.js';
import type { JoinOptions } from './topic.js';
import type { Message, Welcome } from './wire.js';

/** How to connect. Aborting `signal` closes the Signal. */
export interface ConnectOptions extends Abortable {
  /** Opens the server; a function is asked before each connection, and may take its time. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** The WebSocket to use: by default the global one. On Node 20, give that of the package `ws`. */
  readonly WebSocket?: SocketConstructor | undefined;
  /** Milliseconds before the second attempt to connect, and before the last one at most. Full jitter: between 0 and that. */
  readonly backoff?:
    | {
        /** 500 by default. */
        readonly first?: number;
        /** 30,000 by default. */
        readonly most?: number;
      }
    | undefined;
}

/** The events of a Signal, by name, with their fields. */
export interface SignalEvents {
  /** Connected, and all topics are joined. */
  open: object;
  /** The connection ended. It comes back, unless `final`. */
  down: {
    /** The close code, which docs/protocol.md explains; 1006 where there was none. */
    readonly code: number;
    /** What the server said. */
    readonly reason: string;
    /** Whether coming back would change nothing. */
    readonly final: boolean;
  };
  /** A handshake failed. The status and the milliseconds to wait are there where the WebSocket tells them. */
  refused: {
    /** Why, in a sentence. */
    readonly reason: string;
    /** The HTTP status. */
    readonly status: number | undefined;
    /** Milliseconds after which it may work. */
    readonly retry: number | undefined;
  };
  /** The server drains, and is left without a gap. Its wish is to be left in so many milliseconds. */
  drain: {
    /** Milliseconds. */
    readonly retry: number;
  };
  /** Something was wrong that no call asked for: a SignalError, or what the function for tokens has thrown. */
  error: {
    /** What went wrong. */
    readonly error: Error & {
      /** That of a SignalError. */
      readonly code?: string;
    };
  };
}

/** Whether a Signal has a connection, is about to have one, or will never have one again. */
export type SignalState = 'connecting' | 'open' | 'closed';

/** Requests that may wait for a connection. */
const MOST_WAITING = 1024;
/** How long after a message on the old connection its copy may come on the new one, which is being made, in milliseconds. */
const LAG_MS = 250;
/** The same for a message that came since topics are joined on both: then it has a copy, however slow the bus may be. */
const ECHO_MS = 2000;
/** Characters that are remembered of the messages of a hand-over: up to four for each byte, and 1,000 for each message. */
const MOST_COPIED = 2 ** 24;

/** Servers by URL: whether they select no subprotocol, which a WebSocket that offers some takes for a failure. */
const plain = new Map<string, boolean>();

/** Close codes after which coming back would change nothing (docs/protocol.md, section 4). */
const FINAL = /^(100[23789]|1010|4[5-9]..)$/;

/** A message that came on one of two connections, and may come on the other as well. */
interface Copy {
  readonly link: Link;
  /** Its topic, sender and content. */
  readonly key: string;
  /** When it is forgotten, on the clock of `performance`. */
  readonly until: number;
}

/**
 * A lasting connection to a server. Owns the topics, and the loop that replaces one Link by the next. Does not know
 * what is relayed. It is the Port of its topics and the Owner of its links, which its published types do not tell.
 * Invariant: at most one Link is current; another takes its place once all topics are joined there.
 */
export class Signal extends Target<SignalEvents> {
  readonly #urls: readonly string[];
  readonly #options: ConnectOptions;
  readonly #Socket: SocketConstructor;
  readonly #topics = new Map<string, Topic>();
  readonly #stop = new AbortController();
  /** What waits for a connection; called without one when there will be none. */
  #waiting: ((link?: Link) => void)[] = [];
  /** Why it is closed. */
  #over: SignalError | undefined;
  /** The current connection. */
  #link: Link | undefined;
  /** The one that is made, which takes the place of the current one. */
  #next: Link | undefined;
  /** The last one on which topics were joined. While it is not the current one, requests wait for the hand-over. */
  #fresh: Link | undefined;
  /** The connection that is to be replaced. */
  #leaving: Link | undefined;
  /** What came on one connection only while that one was there, in the order in which it came. */
  #copies: Copy[] = [];
  #ice: Promise<RTCIceServer[]> | undefined;
  /**
   * @internal Until when ICE servers are given without asking again, as `Date.now()`: other clocks may stop while a machine
   * sleeps. Undefined where the server has none.
   */
  iceUntil: number | undefined;
  /** Ends the pause between two connections. */
  #nudge = (): void => {};

  /** @internal */
  constructor(urls: string | readonly string[], options: ConnectOptions) {
    super();
    // Throws for what is no URL.
    this.#urls = [urls].flat().map((url) => new URL(url).href);
    this.#Socket = options.WebSocket ?? globalThis.WebSocket;
    if (!this.#Socket) throw new TypeError('There is no WebSocket here. Give that of ws.');
    this.#options = options;
    const over = { signal: this.#stop.signal };
    options.signal?.addEventListener('abort', () => this.close(), over);
    for (const type of ['online', 'visibilitychange', 'pageshow']) {
      globalThis.addEventListener?.(type, (event) => this.#wake(event), over);
    }
    if (options.signal?.aborted) this.close();
    void this.#run();
  }

  /** Whether it is connected now. */
  get state(): SignalState {
    return this.#over ? 'closed' : this.#link ? 'open' : 'connecting';
  }

  /** How the server introduced itself; undefined before, and on a server of v1. */
  get welcome(): Welcome | undefined {
    return this.#link?.welcome;
  }

  /** Joins a topic, now or once connected, and again after each reconnect. A topic can be joined once at a time. */
  join(name: string, options: JoinOptions = {}): Topic {
    if (this.#over) throw this.#over;
    if (this.#topics.has(name)) throw new SignalError('joined', 'This topic is joined already.');
    const topic = new Topic(name, options, this);
    this.#topics.set(name, topic);
    for (const link of this.#joining()) void topic.subscribe(link);
    return topic;
  }

  /** STUN and TURN servers, for `new RTCPeerConnection({ iceServers })`; none where the server has none. */
  iceServers({ signal }: Abortable = {}): Promise<RTCIceServer[]> {
    return this.when(async (link) => {
      if (!link.welcome?.features.includes('ice')) return [];
      if (!(Date.now() < this.iceUntil!)) {
        // Who asks meanwhile gets the same answer.
        this.iceUntil = Infinity;
        this.#ice = link.request('IceServers').then(({ servers, ttl }) => {
          check(Array.isArray(servers) && typeof ttl === 'number');
          // Whoever gets them later shall have them for a while, too.
          this.iceUntil = Date.now() + ttl! * 500;
          return servers!;
        });
        this.#ice.catch(() => (this.iceUntil = 0));
      }
      return this.#ice!;
    }, signal);
  }

  /** Resolves to the round trip to the server, in milliseconds. */
  ping({ signal }: Abortable = {}): Promise<number> {
    return this.when(async (link) => {
      if (!link.v2) throw new SignalError('unsupported', 'This server answers no pings.');
      const began = performance.now();
      await link.request('Ping');
      return performance.now() - began;
    }, signal);
  }

  /** Leaves all topics, and closes the connection for good. */
  close(): void {
    this.#finish(new SignalError('closed', 'The connection was closed.'));
  }

  /** @internal */
  forget(topic: Topic): void {
    if (this.#topics.get(topic.name) === topic) this.#topics.delete(topic.name);
    for (const link of this.#joining()) {
      if (link.seats.delete(topic.name)) leave(link, topic.name);
    }
  }

  /** @internal */
  update(topic: Topic, link: Link): void {
    if (link === this.#link) topic.show(link.seats.get(topic.name) ?? {});
  }

  /** @internal */
  receive(link: Link, [kind, fields]: Message): void {
    const { topic: name = '' } = fields as { topic?: string };
    const topic = this.#topics.get(name);
    const seat = link.seats.get(name);
    if (kind === 'Drain') {
      check(typeof fields.retry === 'number');
      link.renew(fields.retry);
      this.emit('drain', fields);
    } else if (kind === 'Error') {
      const error = refusalOf(fields);
      if (topic) topic.end(error);
      else this.fault(error);
    } else if (kind === 'Relay') {
      const { payload } = fields;
      check(payload instanceof Uint8Array);
      const from = fields.from && hex(fields.from);
      const to = fields.to ? seat?.self : undefined;
      // What is for one member comes on that member's connection alone.
      if (topic && !topic.isOwn(from) && (to || !this.#isEcho(link, [name, from, payload]))) {
        topic.emit('message', { payload, from, to });
      }
    } else if (kind === 'Members') {
      const { count, self, joined, left } = fields;
      check(typeof count === 'number');
      if (!seat) return;
      seat.count = count;
      if (self) seat.self = hex(self);
      if (self || !(joined ?? left)) seat.members = joined && new Map();
      for (const { id, data } of joined ?? []) {
        check(!data || data instanceof Uint8Array);
        const member = { id: hex(id), data };
        seat.members?.set(member.id, member);
      }
      for (const id of left ?? []) seat.members?.delete(hex(id));
      if (topic) this.update(topic, link);
    }
  }

  /** @internal */
  fault(error: Error): void {
    this.emit('error', { error });
  }

  /** @internal */
  lost(link: Link, code: number, reason: string): void {
    const delay = Number(/^restart; retry in ([\d.]+) s/.exec(reason)?.[1]) * 1000;
    link.renew(delay >= 0 ? delay : undefined);
    // A server that says why is none that selects nothing.
    if (reason && plain.get(link.url)) plain.delete(link.url);
    const final = FINAL.test(`${code}`);
    if (link === this.#link) {
      this.#link = undefined;
      // Unless topics are joined on the next one already, nothing comes twice.
      if (this.#fresh === link) this.#copies = [];
      link.end();
      this.emit('down', { code, reason, final });
    }
    if (final) this.#finish(new SignalError('closed', reason || `The server closed with ${code}.`));
  }

  /** Makes connections, one after another, until the end. */
  async #run(): Promise<void> {
    const { first = 500, most = 30_000 } = this.#options.backoff ?? {};
    let limit = first;
    for (let turn = 0; !this.#over; turn++) {
      let began = Infinity;
      let delay: number | undefined;
      try {
        const link = await this.#open(this.#urls[turn % this.#urls.length]);
        await this.#take(link);
        began = performance.now();
        delay = await link.over;
        // A server that ends every connection at once is not asked again at once, whatever it says.
        if (!this.#link && performance.now() - began < limit && delay! < limit) delay = undefined;
        this.#leaving = link;
      } catch (cause) {
        const error = cause as SignalError;
        // A function for tokens may throw anything.
        const { code, status, retry } = Object(cause) as Partial<SignalError>;
        delay = retry && retry + Math.random() * 1000;
        // Given up by this side.
        if (code === 'unknown' || this.#over) delay = 0;
        else if (code === 'refused') this.emit('refused', { reason: error.message, status, retry });
        else this.fault(error);
        // The same token would be refused again.
        if (status === 401 && typeof this.#options.token !== 'function') this.#finish(error);
      }
      this.#next = undefined;
      if (performance.now() - began > limit) limit = first;
      // A slow bus may give the next connection what came just before on the current one, which is remembered from now on.
      const lag = this.#link?.silent === false ? LAG_MS : 0;
      if (!this.#over) await this.#pause((delay ?? Math.random() * limit) + lag);
      limit = Math.min(limit * 2, most);
    }
  }

  async #open(url: string): Promise<Link> {
    const { token } = this.#options;
    const shown =
      typeof token === 'function' ? await abortable(Promise.resolve().then(token), this.#stop.signal) : token;
    if (shown && typeof shown !== 'string') {
      throw new SignalError('bad_token', 'The function for tokens gave no text.');
    }
    const offered = plain.get(url) ? [] : [V2, V1, ...(shown ? [`bearer.${base64url(shown)}`] : [])];
    try {
      const link = await this.#dial(url, offered);
      if (offered[0]) plain.set(url, false);
      return link;
    } catch (error) {
      const { code, status } = error as SignalError;
      if (plain.has(url) || status || code !== 'refused' || this.#over) throw error;
      const link = await this.#dial(url, []).catch(() => {
        throw error;
      });
      plain.set(url, true);
      return link;
    }
  }

  async #dial(url: string, protocols: string[]): Promise<Link> {
    const link = new Link(this.#Socket, url, protocols, this);
    this.#next = link;
    // Closed while the token was awaited.
    if (this.#over) link.end();
    await link.ready;
    return link;
  }

  /** Joins all topics on a new connection, and puts it in the place of the current one. */
  async #take(link: Link): Promise<void> {
    const old = this.#link;
    this.#fresh = link;
    // What was sent on the old one is not to come back on the new one. Answers come in order.
    if (old && !old.silent) await old.probe();
    await Promise.all([...this.#topics.values()].map((topic) => topic.subscribe(link)));
    if (link.alive) {
      if (old?.alive && !old.silent) {
        // Then nothing comes on the old one that is sent on the new one.
        for (const name of old.seats.keys()) leave(old, name);
        await old.probe();
      }
      old?.end();
      if (this.#over) return;
      this.#link = link;
      this.#next = undefined;
      if (!link.alive) this.lost(link, 1006, '');
    }
    const current = (this.#fresh = this.#link);
    if (current) for (const go of this.#waiting.splice(0)) go(current);
    if (current !== link) return;
    for (const topic of this.#topics.values()) this.update(topic, link);
    this.emit('open');
  }

  /** The connections on which topics are joined: more than one during a hand-over. */
  #joining(): Set<Link> {
    return new Set([this.#link ?? [], this.#fresh ?? []].flat());
  }

  /** @internal Does it on the current connection, or on the next one. */
  when<T>(go: (link: Link) => Promise<T>, over?: AbortSignal): Promise<T> {
    const work = new Promise<T>((resolve, reject) => {
      const start = (link?: Link): void => {
        if (!link) reject(this.#over);
        else if (!over?.aborted) resolve(go(link));
      };
      if (this.#over || (this.#link && this.#link === this.#fresh)) start(this.#link);
      else if (this.#waiting.length < MOST_WAITING) this.#waiting.push(start);
      else reject(new SignalError('busy', 'Too much waits for the connection.'));
    });
    return abortable(work, over);
  }

  /**
   * Whether this message of a hand-over is the copy of one that came on the other connection: the first of those that
   * are equal and have no copy yet. Where memory ends, no more are remembered: their copies are told, and none is lost.
   */
  #isEcho(link: Link, message: readonly unknown[]): boolean {
    const isLeaving = this.#leaving?.alive;
    if (!isLeaving && !this.#copies[0]) return false;
    const key = message.join(' ');
    const now = performance.now();
    const copies = this.#copies.filter(({ until }) => until > now);
    const at = copies.findIndex((copy) => copy.key === key && copy.link !== link);
    if (at >= 0) copies.splice(at, 1);
    else if (isLeaving && copies.reduce((sum, copy) => sum + copy.key.length + 1000, 0) < MOST_COPIED) {
      copies.push({ link, key, until: now + (this.#fresh === this.#leaving ? LAG_MS : ECHO_MS) });
    }
    this.#copies = copies;
    return at >= 0;
  }

  /** Something may have happened to the network: looks at once. */
  #wake(event: Event): void {
    const { type } = event;
    const isSight = type === 'visibilitychange';
    if (isSight ? document.hidden : type === 'pageshow' && !(event as PageTransitionEvent).persisted) return;
    this.#nudge();
    const link = this.#link;
    if (link?.v2) void link.probe();
    else if (!isSight) {
      this.#next?.end();
      if (link) this.lost(link, 1006, '');
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = later(resolve, ms);
      this.#nudge = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #finish(error: SignalError): void {
    if (this.#over) return;
    this.#over = error;
    this.#stop.abort(error);
    for (const topic of this.#topics.values()) topic.end(error);
    for (const link of [this.#link, this.#next]) link?.end();
    this.#link = undefined;
    for (const go of this.#waiting.splice(0)) go();
    this.#nudge();
  }
}

/**
 * Connects to a server, for good: what comes between is repaired. The URL of a server behind several addresses may be a
 * list; the next one is tried after each failure.
 */
export function connect(url: string | readonly string[], options: ConnectOptions = {}): Signal {
  return new Signal(url, options);
}

function leave(link: Link, topic: string): void {
  link.request('Unsubscribe', { topic }).catch(() => {});
}

function base64url(text: string): string {
  const base64 = btoa(String.fromCharCode(...utf8(text)));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
