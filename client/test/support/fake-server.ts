import { randomBytes } from 'node:crypto';
import { Decoder, Encoder } from 'cbor-x';
import type { Socket, SocketConstructor } from '../../src/link.js';

const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const decoder = new Decoder({ mapsAsObjects: true });

/** What a test reads of a request. */
export interface Asked {
  readonly topic: string;
  readonly id?: number;
  readonly presence?: boolean;
  readonly data?: Uint8Array;
  readonly payload: Uint8Array;
  readonly to?: Uint8Array;
}

interface Seated {
  readonly socket: FakeSocket;
  readonly id: Buffer;
  data: Uint8Array | undefined;
  presence: boolean;
}

/**
 * A server of v2, v1 or of the reference's kind in this process, without sockets. Owns the topics and their members. Does
 * not know time: whatever it says is said in the next microtask, in order.
 */
export class FakeServer {
  /** Every handshake: its URL, and the subprotocols that were offered. */
  readonly handshakes: { readonly url: string; readonly protocols: readonly string[] }[] = [];
  readonly sockets: FakeSocket[] = [];
  /** What peers asked on v2 and v1, by variant. */
  readonly asked: [kind: string, fields: Asked][] = [];
  /** The subprotocol that it knows best; '' if it selects none, which a WebSocket that offered some takes for a failure. */
  best: string = 'cairn-signal.v2';
  /** The subprotocol that it selects, offered or not. */
  odd: string | undefined;
  /** Whether handshakes fail, never end, or succeed. */
  mood: 'open' | 'refuses' | 'hangs' = 'open';
  /** The status and the headers of a refusal, where the WebSocket tells them. */
  refusal: { statusCode: number; headers: Record<string, string> } | undefined;
  welcome: Record<string, unknown> = {
    server: 'fake/1',
    connection: 'c1',
    heartbeat: 30_000,
    features: [],
    limits: { message: 65_536, topic: 256, topics: 64, rate: 100, burst: 100, data: 1024, members: 32 },
  };
  /** Handles a request instead of the server, if it returns true. */
  hook: (socket: FakeSocket, kind: string, fields: Asked) => boolean | void = () => {};
  readonly #topics = new Map<string, Seated[]>();

  /** The class for `connect`. */
  get WebSocket(): SocketConstructor {
    const server = this as FakeServer;
    return class extends FakeSocket {
      constructor(url: string, protocols: string[] = []) {
        super(server, url, protocols);
      }
    };
  }

  /** The last connection. */
  get last(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  get open(): number {
    return this.sockets.filter((socket) => socket.readyState === 1).length;
  }

  members(topic: string): readonly Seated[] {
    return this.#topics.get(topic) ?? [];
  }

  handle(socket: FakeSocket, kind: string, fields: Asked): void {
    this.asked.push([kind, fields]);
    if (this.hook(socket, kind, fields) === true) return;
    const { topic, id } = fields;
    const seats = this.#topics.get(topic) ?? [];
    const mine = seats.find((seat) => seat.socket === socket);
    if (kind === 'Subscribe') {
      const seat: Seated = mine ?? { socket, id: randomBytes(8), data: undefined, presence: false };
      if (!mine) this.#topics.set(topic, [...seats, seat]);
      seat.data = fields.data ?? seat.data;
      seat.presence = fields.presence ?? seat.presence;
      const others = this.members(topic).filter((other) => other !== seat);
      if (fields.presence === true) {
        socket.say('Members', { topic, count: others.length + 1, self: seat.id, joined: others.map(shown) });
      }
      for (const other of others) {
        if (other.presence) other.socket.say('Members', { topic, count: others.length + 1, joined: [shown(seat)] });
      }
      socket.say('Ack', { id });
    } else if (kind === 'Unsubscribe') {
      this.leave(socket, topic);
      socket.say('Ack', { id });
    } else if (kind === 'Relay') {
      const to = fields.to && Buffer.from(fields.to);
      const receivers = seats.filter((seat) => seat !== mine && (!to || seat.id.equals(to)));
      for (const receiver of receivers) {
        const { payload } = fields;
        receiver.socket.say(
          'Relay',
          receiver.socket.v2 ? { topic, payload, from: mine?.id, ...(to && { to: true }) } : { topic, payload },
        );
      }
      socket.say('Ack', { id, ...(mine && { to: receivers.length }) });
    } else if (kind === 'Ping') socket.say('Pong', { id });
    else if (kind === 'IceServers') {
      socket.say('IceServers', { id, ttl: 3600, servers: [{ urls: ['stun:stun.example.com'] }] });
    }
  }

  leave(socket: FakeSocket, topic: string): void {
    const seats = this.members(topic);
    const mine = seats.find((seat) => seat.socket === socket);
    if (!mine) return;
    const others = seats.filter((seat) => seat !== mine);
    this.#topics.set(topic, others);
    for (const other of others) {
      if (other.presence) other.socket.say('Members', { topic, count: others.length, left: [mine.id] });
    }
  }

  leaveAll(socket: FakeSocket): void {
    for (const topic of this.#topics.keys()) this.leave(socket, topic);
  }
}

const shown = ({ id, data }: Seated): object => ({ id, ...(data && { data }) });

/** A WebSocket of a FakeServer, seen from both sides. */
export class FakeSocket implements Socket {
  binaryType: unknown;
  protocol = '';
  readyState = 0;
  v2 = false;
  readonly url: string;
  readonly #server: FakeServer;
  readonly #listeners: [type: string, listener: (event: never) => void][] = [];
  #onRefusal: ((request: unknown, response: unknown) => void) | undefined;

  constructor(server: FakeServer, url: string, protocols: readonly string[]) {
    this.#server = server;
    this.url = url;
    server.sockets.push(this);
    server.handshakes.push({ url, protocols });
    const selected =
      ['cairn-signal.v2', 'cairn-signal'].find((name) => name <= server.best && protocols.includes(name)) ?? '';
    if (server.mood === 'hangs') return;
    queueMicrotask(() => {
      if (this.readyState !== 0) return;
      if (server.mood === 'refuses' || (protocols.length > 0 && selected === '')) {
        if (server.refusal) this.#onRefusal?.({}, server.refusal);
        return this.drop(1006);
      }
      this.readyState = 1;
      this.protocol = server.odd ?? selected;
      this.v2 = selected === 'cairn-signal.v2';
      this.#fire('open', {});
      if (this.v2) this.say('Welcome', server.welcome);
    });
  }

  /** As the package `ws` does. */
  on(_event: string, listener: (request: unknown, response: unknown) => void): void {
    this.#onRefusal = listener;
  }

  addEventListener(type: string, listener: object): void {
    this.#listeners.push([type, listener as (event: never) => void]);
  }

  send(data: Uint8Array): void {
    if (this.readyState === 0) throw new Error('still connecting');
    if (this.readyState !== 1) return;
    const [[kind, fields]] = Object.entries(decoder.decode(data) as Record<string, Asked>);
    queueMicrotask(() => {
      if (this.readyState === 1) this.#server.handle(this, kind, fields);
    });
  }

  close(code = 1000): void {
    if (this.readyState === 3) return;
    this.drop(code);
  }

  /** The server says a message. Nothing is said where there is no id to answer to, as in v1. */
  say(kind: string, fields: Record<string, unknown>): void {
    if (!this.v2 && kind !== 'Relay') return;
    const present = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
    this.raw(encoder.encode({ [kind]: present }));
  }

  /** The server sends a frame, whatever it is. */
  raw(data: Uint8Array | string): void {
    queueMicrotask(() => {
      const copy = typeof data === 'string' ? data : new Uint8Array(data).buffer;
      if (this.readyState === 1) this.#fire('message', { data: copy });
    });
  }

  /** The connection ends. */
  drop(code: number, reason = ''): void {
    const opened = this.readyState === 1;
    this.readyState = 3;
    if (opened) this.#server.leaveAll(this);
    this.#fire('error', {});
    queueMicrotask(() => this.#fire('close', { code, reason }));
  }

  #fire(name: string, event: unknown): void {
    for (const [type, listener] of this.#listeners) if (type === name) listener(event as never);
  }
}
