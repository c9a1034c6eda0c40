import { randomBytes } from 'node:crypto';
import type { ClientRequest, ClientRequestArgs, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { encodeMessage } from '../protocol/message.js';
import type { Relay, SignalMessage } from '../protocol/message.js';
import { readMessage } from '../protocol/strict-reader.js';
import { mendForClose } from './close-mend.js';
import { Trouble } from './finding.js';
import { networkFault } from './network-fault.js';
import { readRefusal, refusalFigures, statusAndMessage } from './refusal.js';
import type { Refused } from './refusal.js';
import { mendForRefusal } from './status-mend.js';
import type { Subject } from './subject.js';
import { tlsOptions } from './tls.js';
import { printable } from './words.js';

/** How a connection ended. */
export interface Closed {
  /** 1006 where no close frame came. */
  readonly code: number;
  /** What the server said, printable. */
  readonly reason: string;
  /** Whether it was ended here, since the server said more than an honest one does. */
  readonly flooded: boolean;
}

/** What a handshake shows. */
export interface Credentials {
  /** The token in `Authorization`; the default is the one of the request. */
  readonly token?: string | undefined;
  readonly protocols?: readonly string[];
  /** Which of the reachable addresses, in turn. */
  readonly address?: number;
}

/** How long, in milliseconds, a server may take to answer a close. */
const CLOSE_TIMEOUT_MS = 1000;
/** More than the doctor ever relays. */
const MOST_MESSAGE_BYTES = 2 * 1024 * 1024;

/** Messages that may lie here unread, each of MOST_MESSAGE_BYTES; no signaling server sends so many to who asks for so little. */
const MOST_UNREAD = 64;

/** One WebSocket to the server, as a cairn peer has them. Every wait for the server ends with its close, or with the time-out. */
export class Peer {
  readonly closed: Promise<Closed>;
  /** Called at every ping of the server's, which `ws` answers. */
  onPing: (() => void) | undefined;
  /** Messages that nobody took yet: CBOR as it was read, JSON as its text. */
  readonly #inbox: (Relay | string)[] = [];
  /** Called when something came, or the connection ended. */
  readonly #waiting = new Set<() => void>();
  #ended: Closed | undefined;

  private constructor(
    private readonly socket: WebSocket,
    private readonly subject: Subject,
  ) {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const message = isBinary ? readMessage(data) : data.toString();
      if (message === undefined || (typeof message === 'object' && message.kind !== 'Relay')) return;
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

  /** A connection, or the answer that refused it; throws Trouble when there was neither. */
  static async open(subject: Subject, credentials: Credentials = {}): Promise<Peer | Refused> {
    const { target, token: ours } = subject.request;
    const token = 'token' in credentials ? credentials.token : ours;
    const socket = new WebSocket(target.url, [...(credentials.protocols ?? [])], {
      perMessageDeflate: false,
      maxPayload: MOST_MESSAGE_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      agent: false,
      lookup: subject.lookup(credentials.address),
      ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
      ...(target.secure && tlsOptions(subject.request)),
    } as ClientRequestArgs);
    const peer = new Peer(socket, subject);
    const from = subject.clock.monotonic();
    const answered = new Promise<Peer | [ClientRequest, IncomingMessage]>((resolve, reject) => {
      socket.once('open', () => resolve(peer));
      // Later ones are followed by a close, which tells.
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

  /** A connection, where an earlier examination has shown that there can be one; throws Trouble when it is refused now. */
  static async connect(subject: Subject, credentials: Credentials = {}): Promise<Peer> {
    const opened = await Peer.open(subject, credentials);
    if (opened instanceof Peer) return opened;
    throw new Trouble(
      `a further connection was refused with ${statusAndMessage(opened)}`,
      mendForRefusal(opened, subject.request),
      refusalFigures(opened),
    );
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** The subprotocol that the server selected; empty when none. */
  get protocol(): string {
    return this.socket.protocol;
  }

  send(message: SignalMessage | Buffer | object): void {
    // What is sent to a connection that has just ended is lost, and who waits for the answer is told.
    if (!this.isOpen) return;
    if (Buffer.isBuffer(message)) this.socket.send(message);
    else if ('kind' in message) this.socket.send(encodeMessage(message));
    else this.socket.send(JSON.stringify(message));
  }

  /** Takes the first message that `read` makes something of. Throws Trouble when nothing like it comes in time: Ended when this connection, or that of `sender`, ended. */
  async receive<T>(
    read: (message: Relay | string) => T | undefined,
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

  /** The first message that is here already and that `read` makes something of. */
  take<T>(read: (message: Relay | string) => T | undefined): T | undefined {
    for (const [index, message] of this.#inbox.entries()) {
      const value = read(message);
      if (value === undefined) continue;
      this.#inbox.splice(index, 1);
      return value;
    }
    return undefined;
  }

  /** A barrier: the server has handled what was sent before, and what it said before its pong is here. */
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

  /** Ends the connection in order, within CLOSE_TIMEOUT_MS. */
  async close(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }
}

/** The connection ended while something was waited for. */
export class Ended extends Trouble {
  constructor(readonly closed: Closed) {
    super(
      `the connection was ${howItEnded(closed)}`,
      closed.flooded ? 'It is no signaling server: check host, port and path.' : mendForClose(closed.code),
      { code: closed.code },
    );
  }
}

/** `closed with 1009: message over ...`, or how else a connection ended. */
export function howItEnded({ code, reason, flooded }: Closed): string {
  if (flooded) return 'given up here: the server sends messages that nobody asked for';
  if (code === 1006) return 'cut without a close frame (1006)';
  return `closed with ${code}${reason === '' ? '' : `: ${reason}`}`;
}

function handshakeFault(error: Error): Trouble {
  if (/^(?:Invalid (?:Upgrade|Sec-WebSocket)|Server sent)/.test(error.message)) {
    return new Trouble(
      `the answer is no WebSocket handshake: ${printable(error.message)}`,
      'A proxy alters the handshake: have it pass Upgrade, Connection and Sec-WebSocket-* on as they are.',
    );
  }
  return networkFault(error);
}
