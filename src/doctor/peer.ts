import { randomBytes } from 'node:crypto';
import type { ClientRequest, ClientRequestArgs, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { encodeMessage } from '../protocol/message.js';
import type { Relay, SignalMessage } from '../protocol/message.js';
import { readMessage } from '../protocol/strict-reader.js';
import { SUBPROTOCOL_V2 } from '../protocol/subprotocol.js';
import { adviceForClose } from './close-advice.js';
import { Trouble } from './finding.js';
import { networkFault } from './network-fault.js';
import { readRefusal, refusalFigures, statusAndMessage } from './refusal.js';
import type { Refused } from './refusal.js';
import { encodeRequest, readSaid } from './said.js';
import type { Said } from './said.js';
import { adviceForRefusal } from './status-advice.js';
import type { Subject } from './subject.js';
import type { Target } from './target.js';
import { tlsOptions } from './tls.js';
import { printable } from './words.js';

/** What a server sends: CBOR as values, by the subprotocol that it selected, and JSON as text. */
export type Message = Relay | Said | string;

/** How a connection ended. */
export interface Closed {
  /** The close code; 1006 if no close frame came. */
  readonly code: number;
  /** What the server said, printable. */
  readonly reason: string;
  /** Whether the doctor ended it, because the server sent more than an honest server does. */
  readonly flooded: boolean;
}

/** What a handshake shows to the server. */
export interface Credentials {
  /** The token in `Authorization`. The default is the token of the request. */
  readonly token?: string | undefined;
  readonly protocols?: readonly string[];
  /** Index of the reachable address to use, in turn. */
  readonly address?: number;
}

/** Milliseconds that a server may take to answer a close. */
const CLOSE_TIMEOUT_MS = 1000;
/** Longest message to accept, in bytes: more than the doctor ever relays. */
const MOST_MESSAGE_BYTES = 2 * 1024 * 1024;

/**
 * Messages that may wait unread, each of up to MOST_MESSAGE_BYTES. A signaling server never sends that many to a client
 * that asks for so little.
 */
const MOST_UNREAD = 64;

/**
 * One WebSocket to the server, as a cairn peer opens it. Owns the messages that nobody has taken. Does not know the
 * examinations. Invariant: every wait for the server ends with the close of the connection, or with the timeout.
 */
export class Peer {
  readonly closed: Promise<Closed>;
  /** Called at every ping from the server. `ws` answers it. */
  onPing: (() => void) | undefined;
  /** Messages that nobody has taken yet: CBOR as values, JSON as text. */
  readonly #inbox: Message[] = [];
  /** Called when a message came or the connection ended. */
  readonly #waiting = new Set<() => void>();
  #ended: Closed | undefined;

  private constructor(
    private readonly socket: WebSocket,
    private readonly subject: Subject,
  ) {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const message = isBinary ? this.#read(data) : data.toString();
      if (message === undefined) return;
      if (this.#inbox.length > MOST_UNREAD) return;
      if (this.#inbox.push(message) > MOST_UNREAD) socket.terminate();
      this.#wake();
    });
    socket.on('ping', () => this.onPing?.());
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#ended = { code, reason: subject.quote(reason.toString()), flooded: this.#inbox.length > MOST_UNREAD };
        resolve(this.#ended);
        this.#wake();
      });
    });
  }

  /** Opens a connection. Resolves to the answer if it is refused. Throws Trouble if there is no answer. */
  static async open(subject: Subject, credentials: Credentials = {}): Promise<Peer | Refused> {
    const { target, token: ours } = subject.request;
    const token = 'token' in credentials ? credentials.token : ours;
    const socket = new WebSocket(lookedUp(target), [...(credentials.protocols ?? [])], {
      perMessageDeflate: false,
      maxPayload: MOST_MESSAGE_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      agent: false,
      lookup: subject.lookup(credentials.address),
      headers: {
        Host: new URL(target.url).host,
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      ...(target.secure && tlsOptions(subject.request)),
    } as ClientRequestArgs);
    const peer = new Peer(socket, subject);
    const from = subject.clock.monotonic();
    const answered = new Promise<Peer | [ClientRequest, IncomingMessage]>((resolve, reject) => {
      socket.once('open', () => resolve(peer));
      // A close follows later errors and reports them.
      socket.on('error', (error) => reject(handshakeFault(error)));
      socket.once('unexpected-response', (request, response) => resolve([request, response]));
    });
    let answer;
    try {
      answer = await subject.within(answered, 'no answer to the WebSocket handshake');
    } catch (error) {
      socket.terminate();
      throw error;
    }
    if (answer instanceof Peer) return answer;
    const [request, response] = answer;
    try {
      return await readRefusal(subject, response, subject.request.timeout - (subject.clock.monotonic() - from));
    } finally {
      request.destroy();
    }
  }

  /** Opens a connection that an earlier examination has shown to be possible. Throws Trouble when it is refused now. */
  static async connect(subject: Subject, credentials: Credentials = {}): Promise<Peer> {
    const opened = await Peer.open(subject, credentials);
    if (opened instanceof Peer) return opened;
    throw new Trouble(
      `a further connection was refused with ${statusAndMessage(opened)}`,
      adviceForRefusal(opened, subject.request),
      refusalFigures(opened),
    );
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** The subprotocol that the server selected; empty if it selected none. */
  get protocol(): string {
    return this.socket.protocol;
  }

  send(message: SignalMessage | Buffer | object): void {
    // A message to a connection that has just ended is lost. The wait for its answer reports that.
    if (!this.isOpen) return;
    if (Buffer.isBuffer(message)) this.socket.send(message);
    else if ('kind' in message) this.socket.send(encodeMessage(message));
    else this.socket.send(JSON.stringify(message));
  }

  /**
   * Waits for the first message for which `read` gives a value, and takes it. Throws Unanswered when none comes in
   * time, and Ended when this connection, or that of `sender`, ends.
   */
  async receive<T>(
    read: (message: Message) => T | undefined,
    what: string,
    { sender, timeout }: { sender?: Peer; timeout?: number } = {},
  ): Promise<T> {
    let look!: () => void;
    const arrived = new Promise<T>((resolve, reject) => {
      look = () => {
        const value = this.take(read);
        if (value !== undefined) resolve(value);
        else if (this.#ended !== undefined) reject(new Ended(this.#ended));
      };
      look();
      void sender?.closed.then((closed) => reject(new Ended(closed)));
    });
    this.#waiting.add(look);
    try {
      return await this.subject.within(arrived, what, timeout);
    } finally {
      this.#waiting.delete(look);
    }
  }

  /** Takes the first message already here for which `read` gives a value. */
  take<T>(read: (message: Message) => T | undefined): T | undefined {
    for (const [index, message] of this.#inbox.entries()) {
      const value = read(message);
      if (value === undefined) continue;
      this.#inbox.splice(index, 1);
      return value;
    }
    return undefined;
  }

  /** A barrier: after it, the server has handled all earlier messages, and what it sent before its pong has arrived. */
  async sync(): Promise<void> {
    if (this.#ended !== undefined) throw new Ended(this.#ended);
    const mark = randomBytes(8);
    let onPong!: (data: Buffer) => void;
    const answered = new Promise<void>((resolve, reject) => {
      onPong = (data) => {
        if (data.equals(mark)) resolve();
      };
      this.socket.on('pong', onPong);
      void this.closed.then((closed) => reject(new Ended(closed)));
    });
    this.socket.ping(mark);
    try {
      await this.subject.within(answered, 'no pong to a ping');
    } finally {
      this.socket.off('pong', onPong);
    }
  }

  /** Sends a request of cairn-signal.v2. */
  request(name: string, fields: object): void {
    this.send(encodeRequest(name, fields));
  }

  /** Closes the connection with a closing handshake, within CLOSE_TIMEOUT_MS. */
  async close(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }

  #read(frame: Buffer): Message | undefined {
    if (this.protocol === SUBPROTOCOL_V2) return readSaid(frame);
    const message = readMessage(frame);
    return message?.kind === 'Relay' ? message : undefined;
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }
}

/** The connection ended during a wait. */
export class Ended extends Trouble {
  constructor(readonly closed: Closed) {
    super(
      `the connection was ${howItEnded(closed)}`,
      closed.flooded ? 'This is not a signaling server: check host, port and path.' : adviceForClose(closed.code),
      { code: closed.code },
    );
  }
}

/** Says how a connection ended, such as `closed with 1009: message over ...`. */
export function howItEnded({ code, reason, flooded }: Closed): string {
  if (flooded) return 'cut by the doctor: the server sends messages that nobody asked for';
  if (code === 1006) return 'cut without a close frame (1006)';
  return `closed with ${code}${reason === '' ? '' : `: ${reason}`}`;
}

function handshakeFault(error: Error): Trouble {
  if (/^(?:Invalid (?:Upgrade|Sec-WebSocket)|Server sent)/.test(error.message)) {
    return new Trouble(
      `the answer is not a WebSocket handshake: ${printable(error.message)}`,
      'A proxy alters the handshake: make it pass on Upgrade, Connection and Sec-WebSocket-* unchanged.',
    );
  }
  return networkFault(error);
}

/** The URL whose host is looked up, so that a zone reaches the socket: in an address of a URL there is none. */
function lookedUp({ url, host }: Target): string {
  if (!host.includes('%')) return url;
  const zoned = new URL(url);
  zoned.hostname = 'zoned.invalid';
  return zoned.href;
}
