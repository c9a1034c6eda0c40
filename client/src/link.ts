import { decode, encode } from './cbor.js';
import type { Value } from './cbor.js';
import { check, defer, later, malformed, SignalError } from './shared.js';
import type { Message, Messages, Welcome } from './wire.js';

/** What the client needs of a WebSocket; that of browsers, of Node 22 and later, and of the package `ws` have it. */
export interface Socket {
  /** The subprotocol that the server has selected. */
  readonly protocol: string;
  /** Is set to `arraybuffer`. */
  binaryType: unknown;
  /** For `open`, `message`, `error` and `close`. */
  addEventListener(type: string, listener: object): void;
  /** Sends one message. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Closes the connection. */
  close(code?: number): void;
}

/** The class of such a WebSocket. */
export type SocketConstructor = new (url: string, protocols?: string[]) => Socket;

/** Somebody who is on a topic: one subscription of one connection. */
export interface Member {
  /** 16 hexadecimal digits, made by the server. Another one after a reconnect. */
  readonly id: string;
  /** What the member said about itself, if anything. */
  readonly data: Uint8Array | undefined;
}

/** What one connection sees of a topic. */
export interface Seat {
  /** Whether the server has confirmed the subscription. */
  joined?: boolean;
  self?: string;
  /** Undefined where the server does not tell: there are too many. */
  members?: Map<string, Member> | undefined;
  count?: number;
}

/** What a Link tells. */
export interface Owner {
  /** A message that is no answer. */
  receive(link: Link, message: Message): void;
  /** The server sent what no server sends. */
  fault(error: SignalError): void;
  /** The connection ended, and not by `end`. */
  lost(link: Link, code: number, reason: string): void;
}

export type Fields = Record<string, Value | undefined>;
type Answer = Partial<Messages['Ack'] & Messages['IceServers']>;

export const V2 = 'cairn-signal.v2';
export const V1 = 'cairn-signal';

/** Until a handshake counts as failed, in milliseconds. */
const HANDSHAKE_MS = 10_000;
/** Until a Ping without an answer means that the connection is dead, in milliseconds: waking up shall take less than 2 s. */
const PROBE_MS = 1000;

/**
 * One WebSocket to the server. Owns what was asked on it, and the watch over its silence. Does not know topics, nor
 * other connections. Invariant: each request is settled once, by its answer or with `unknown` when the connection ends.
 */
export class Link {
  readonly url: string;
  v2 = false;
  welcome: Welcome | undefined;
  alive = true;
  /** Whether nothing has come since it was last probed. */
  silent = false;
  readonly seats = new Map<string, Seat>();
  /** Resolves once requests may be sent. Rejects if the handshake fails. */
  readonly ready: Promise<void>;
  /** Resolves when another connection is needed: in so many milliseconds, or with backoff (undefined). */
  readonly over: Promise<number | undefined>;
  /** Asks for another connection. This one goes on until `end`. */
  readonly renew: (delay?: number) => void;
  readonly #socket: Socket;
  readonly #owner: Owner;
  /** What takes the answer to a request, by id; nothing is what it takes when the connection ends. */
  readonly #waiting = new Map<number, (answer?: Message) => void>();
  readonly #opened: () => void;
  readonly #failed: (error: unknown) => void;
  #ids = 0;
  #heard = 0;
  #timer: ReturnType<typeof setTimeout>;

  constructor(Constructor: SocketConstructor, url: string, protocols: string[], owner: Owner) {
    this.url = url;
    this.#owner = owner;
    [this.ready, this.#opened, this.#failed] = defer<void>();
    [this.over, this.renew] = defer<number | undefined>();
    const socket = protocols[0] ? new Constructor(url, protocols) : new Constructor(url);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    let refusal = {};
    const close = (code: number, reason: string): void => {
      this.#failed(new SignalError('refused', reason || 'The connection did not open.', refusal));
      owner.lost(this, code, reason);
      this.end();
    };
    this.#timer = setTimeout(() => close(1006, ''), HANDSHAKE_MS);
    // The package `ws` tells why it did not open.
    (socket as { on?: Function }).on?.('unexpected-response', (_request: unknown, response: Refusal) => {
      refusal = { status: response.statusCode, retry: waitOf(response.headers['retry-after']) };
      close(1006, '');
    });
    const on = (type: string, run: (event: never) => void): void =>
      socket.addEventListener(type, (event: never) => this.alive && run(event));
    on('open', () => {
      const { protocol } = socket;
      this.v2 = protocol === V2;
      if (protocol && !protocols.includes(protocol)) close(1006, 'The server selected a wrong subprotocol.');
      else if (!this.v2) this.#open();
    });
    on('message', ({ data }: { data: unknown }) => {
      this.#heard = performance.now();
      this.silent = false;
      try {
        check(typeof data === 'object');
        const [message, ...rest] = Object.entries(decode(new Uint8Array(data as ArrayBuffer)) as object);
        check(!rest[0]);
        this.#receive(message as unknown as Message);
      } catch (cause) {
        owner.fault(malformed(cause));
      }
    });
    // An error that nobody listens to would end a program of Node.
    on('error', () => {});
    on('close', ({ code, reason }: { code: number; reason: string }) => close(code, reason));
  }

  /** Sends a request. Resolves to the answer; on v1 at once, to nothing, and without what v1 does not have. */
  async request(kind: string, fields: Fields = {}): Promise<Answer> {
    if (!this.alive) throw gone();
    const { topic, payload } = fields;
    const id = ++this.#ids;
    const frame = encode({ [kind]: this.v2 ? { ...fields, id } : { topic, payload } });
    const { message } = this.welcome?.limits ?? {};
    if (message && frame.length > message) {
      throw new SignalError('message_too_large', `The server takes no message over ${message} bytes.`);
    }
    this.#socket.send(frame);
    if (!this.v2) return {};
    const answer = await new Promise<Message | void>((resolve) => this.#waiting.set(id, resolve));
    if (!answer) throw gone();
    if (answer[0] === 'Error') throw refusalOf(answer[1]);
    return answer[1] as Answer;
  }

  /** Asks for a sign of life. Without one, another connection is needed. Resolves when that is known. */
  probe(): Promise<unknown> {
    this.silent = true;
    clearTimeout(this.#timer);
    const late = new Promise<void>((resolve) => {
      this.#timer = setTimeout(() => {
        if (this.silent) this.renew(0);
        else this.#watch();
        resolve();
      }, PROBE_MS);
    });
    return Promise.race([late, this.request('Ping').catch(() => {})]);
  }

  /** Ends the connection, which tells nobody but those who wait for answers. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    clearTimeout(this.#timer);
    this.#socket.close(1000);
    this.#failed(gone());
    this.renew();
    for (const answer of this.#waiting.values()) answer();
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#watch();
    this.#opened();
  }

  /** Probes when nothing has come for longer than the server lets pass. */
  #watch(): void {
    const heartbeat = this.welcome?.heartbeat;
    if (!heartbeat) return;
    const left = this.#heard + heartbeat + PROBE_MS - performance.now();
    if (left > 0) this.#timer = later(() => this.#watch(), left);
    else void this.probe();
  }

  #receive(message: Message): void {
    const [kind, fields] = message;
    const answer = 'id' in fields && this.#waiting.get(fields.id);
    if (kind === 'Welcome') {
      check(Number.isInteger(fields.heartbeat) && fields.limits && Array.isArray(fields.features));
      this.welcome = fields;
      this.#open();
    } else if (kind === 'Ping') this.#socket.send(encode({ Pong: { id: fields.id } }));
    else if (answer) {
      this.#waiting.delete(fields.id);
      answer(message);
    } else this.#owner.receive(this, message);
  }
}

/** The milliseconds that a Retry-After asks for: seconds, or a date (RFC 9110, section 10.2.3). */
function waitOf(after = ''): number | undefined {
  const wait = Number(after) * 1000 || Date.parse(after) - Date.now();
  return wait > 0 ? wait : undefined;
}

interface Refusal {
  readonly statusCode: number;
  readonly headers: { readonly [name: string]: string | undefined };
}

const gone = (): SignalError => new SignalError('unknown', 'The connection went before the answer came.');

/** What an Error of the server says. */
export function refusalOf({ code, message, retry }: Messages['Error']): SignalError {
  check(typeof code === 'string' && typeof message === 'string' && typeof (retry ?? 0) === 'number');
  return new SignalError(code, message, { retry });
}
