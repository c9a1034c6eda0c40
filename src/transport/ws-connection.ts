import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ExpiryList } from '../clock/expiry-list.js';
import type { ConnectionCounts } from '../metrics/connection-counts.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import type { TrafficCounts } from '../metrics/traffic-counts.js';
import { Connection } from '../connection/connection.js';
import type { ConnectionCredential } from '../connection/connection.js';
import type { MessageHandler } from '../connection/message-handler.js';
import {
  CloseCode,
  MOST_INTERRUPTIONS,
  nodeOverloaded,
  slowConsumer,
  tooManyInterruptions,
  tooMuchUnfinished,
} from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { PING, pongFrame } from '../protocol/websocket-frame.js';
import type { Place } from './connection-limits.js';
import { FrameReader } from './frame-reader.js';
import type { FrameReceiver } from './frame-reader.js';
import { Framing } from './framing.js';
import type { Heartbeat, Pulse } from './heartbeat.js';
import type { Incoming } from './held-messages.js';
import type { Holdings } from './holdings.js';
import { Inbox } from './inbox.js';
import type { Recipient } from './inbox.js';
import type { Outbox } from './outbox.js';
import type { ReadBuffer } from './read-buffer.js';
import type { SignalSocket } from './signal-socket.js';
import type { Throttle } from './throttle.js';
import type { WriteBatch, Writer } from './write-batch.js';

/** What all connections of an endpoint share. */
export interface ConnectionShare {
  readonly handler: MessageHandler;
  readonly writes: WriteBatch;
  /** What waits for peers. */
  readonly backlog: Holdings<WsConnection>;
  /** What peers have sent and was not handled yet. */
  readonly unfinished: Holdings<WsConnection>;
  readonly heartbeat: Heartbeat;
  readonly throttle: Throttle;
  readonly readBuffer: ReadBuffer;
  readonly counts: LimitCounts;
  readonly traffic: TrafficCounts;
  readonly connections: ConnectionCounts;
  /** The largest message that a peer may send. */
  readonly maxMessageBytes: number;
  /** Bytes of memory that may wait for one peer; 0 for no limit. */
  readonly maxBufferedBytes: number;
}

/** Whose connection it is. */
export interface ConnectionIdentity {
  readonly id: number;
  readonly principal: string | undefined;
  readonly source: string;
  readonly credential: ConnectionCredential | undefined;
  /** Given back when the connection is over. */
  readonly place: Place;
}

/**
 * One peer's WebSocket as the domain's Connection. Owns the socket's listeners; frames are read and written below `ws`, which
 * keeps the closing handshake. Knows nothing of topics or of what a message says.
 * Invariant: the handler hears of messages in the order they came, no faster than the rate, and of none after onClose; what
 * waits for the peer is never more than max-buffered-bytes and one frame; memory that it holds is noted as soon as it does.
 */
export class WsConnection extends Connection implements Writer, Pulse, Recipient, FrameReceiver {
  batched = false;
  held: Buffer | undefined;
  heldBytes = 0;
  unflushed = 0;
  pieces = 0;
  piecesBytes = 0;
  lastMemory: ArrayBufferLike | undefined;
  outbox: Outbox | undefined;
  checkAt = 0;
  previous: Pulse | undefined;
  next: Pulse | undefined;
  list: ExpiryList<Pulse> | undefined;
  readonly inbox: Inbox;
  readonly #framing: Framing;
  readonly #reader: FrameReader;
  /** Bytes of memory for the message that is not finished, and for those that wait for their turn. */
  #partial = 0;
  #kept = 0;
  /** Whether its messages are ignored: it broke a rule, and is on its way out. They still count, or breaking a rule would be free. */
  #ignored = false;
  /** Bytes that had been read when the heartbeat last looked; -1 when it was read again since then. */
  #readBefore = 0;
  /** Pings and pongs in the middle of the message that the peer has begun. */
  #interruptions = 0;
  /** Whether the WebSocket is closed for good; messages that it brought may still be held. */
  #closed = false;
  /** Called once, when the WebSocket is closed for good. Set by the adapter. */
  onClose: (() => void) | undefined;

  constructor(
    private readonly identity: ConnectionIdentity,
    readonly socket: Socket,
    private readonly webSocket: SignalSocket,
    readonly share: ConnectionShare,
  ) {
    super();
    this.#framing = new Framing(socket, share.maxMessageBytes);
    this.inbox = new Inbox(this, share.throttle);
    webSocket.connection = this;
    const reader = new FrameReader(share.readBuffer, this, share.maxMessageBytes);
    this.#reader = reader;
    // `ws` must see nothing but the peer's close frame.
    socket.removeAllListeners('data');
    const read = share.readBuffer.readInto(socket, (length) => reader.read(length));
    // What came with the handshake, and on a Node without such parts everything.
    if (!read || socket.readableLength > 0) socket.on('data', (bytes: Buffer) => reader.readElsewhere(bytes));
    // Shared functions rather than closures: a node holds tens of thousands of idle connections.
    webSocket.on('close', onClose);
    webSocket.on('error', onError);
    share.heartbeat.add(this);
  }

  get id(): number {
    return this.identity.id;
  }

  get principal(): string | undefined {
    return this.identity.principal;
  }

  get source(): string {
    return this.identity.source;
  }

  get credential(): ConnectionCredential | undefined {
    return this.identity.credential;
  }

  get open(): boolean {
    return this.webSocket.readyState === WebSocket.OPEN;
  }

  get dismissed(): boolean {
    return this.#ignored;
  }

  send(frame: Buffer): boolean {
    if (!this.open) return false;
    const { writes, traffic, maxBufferedBytes } = this.share;
    traffic.bytesOut += frame.length;
    writes.write(this, frame);
    // Some of it may wait only for the end of this turn.
    if (maxBufferedBytes > 0 && this.unflushed + (this.outbox?.held ?? 0) > maxBufferedBytes) writes.flush(this);
    return true;
  }

  /** What was sent so far leaves before whatever `ws` writes next. */
  flush(): void {
    this.share.writes.flushAll(this);
  }

  lags(bytes: number): void {
    const { backlog, maxBufferedBytes } = this.share;
    if (bytes === 0) this.outbox = undefined;
    backlog.note(this, bytes);
    if (maxBufferedBytes > 0 && bytes > maxBufferedBytes && this.open && !this.#ignored) {
      this.close(slowConsumer(maxBufferedBytes));
    }
  }

  /** Too much waits for all peers, and most of it for this one. */
  overflow(maxBufferedTotalBytes: number): void {
    if (this.open) this.close(nodeOverloaded(maxBufferedTotalBytes));
    else this.terminate();
  }

  /** Peers have begun too much in all, and this one the most. */
  abandon(maxUnfinishedTotalBytes: number): void {
    this.#ignored = true;
    this.#reader.stop();
    this.inbox.drop();
    if (this.open) this.fault(tooMuchUnfinished(maxUnfinishedTotalBytes));
    else this.terminate();
  }

  ping(): void {
    this.send(PING);
  }

  /** Whether anything came from the peer since this was last set to false; every byte is a sign of life. */
  get heard(): boolean {
    return this.socket.bytesRead !== this.#readBefore;
  }

  set heard(value: boolean) {
    this.#readBefore = value ? -1 : this.socket.bytesRead;
  }

  get paused(): boolean {
    return this.inbox.paused;
  }

  charge(messages: number): void {
    this.share.throttle.charge(this.inbox, messages);
  }

  hold(until: Promise<void>): void {
    this.inbox.hold(until);
  }

  holds(bytes: number): void {
    this.#partial = bytes;
    this.#note();
  }

  keeps(bytes: number): void {
    this.#kept = bytes;
    this.#note();
  }

  #note(): void {
    this.share.unfinished.note(this, this.#partial + this.#kept);
  }

  closing(frame: Buffer): void {
    this.webSocket.answerClose(frame);
  }

  fault(reason: CloseReason): void {
    if (reason.limit !== undefined) this.share.counts.reached(reason.limit);
    this.webSocket.fail(reason);
    // Its end is seen even where its messages wait.
    this.socket.resume();
  }

  /** A message came, which waits until the connection may send it. */
  take(kind: Incoming, data: Buffer): void {
    this.share.traffic.bytesIn += data.length;
    const framing = this.#framing.count(data.length);
    if (framing > 0) this.charge(framing);
    if ((kind === 'ping' || kind === 'pong') && this.#interrupts()) return;
    this.inbox.take(kind, data);
  }

  /**
   * Whether a ping or pong is one too many in the middle of a message: who sends so many does not mean to finish it.
   */
  #interrupts(): boolean {
    this.#interruptions = this.#reader.amidst ? this.#interruptions + 1 : 0;
    if (this.#interruptions <= MOST_INTERRUPTIONS) return false;
    this.close(tooManyInterruptions);
    return true;
  }

  deliver(kind: Incoming, data: Buffer): void {
    if (this.#ignored) return undefined;
    switch (kind) {
      case 'binary':
        return this.share.handler.binaryMessage(this, data);
      case 'text':
        return this.share.handler.textMessage(this, data);
      case 'ping':
        this.send(pongFrame(data));
        return undefined;
      case 'pong':
        return undefined;
    }
  }

  pause(): void {
    this.webSocket.pause();
    // Its answer to our close lies behind what it goes on sending.
    if (this.#ignored) this.webSocket.cutSoon();
  }

  resume(): void {
    // While it was paused it could not be heard.
    this.heard = true;
    if (this.#closed) this.#over();
    else this.webSocket.resume();
  }

  close(reason: CloseReason): void {
    // A draining peer may still have something to say; whoever is closed for a fault may not go on with it.
    const fault = reason.code !== CloseCode.serviceRestart;
    if (fault) {
      this.#ignored = true;
      this.inbox.drop();
    }
    if (reason.limit !== undefined) this.share.counts.reached(reason.limit);
    // What waits for it would keep the close frame waiting, and memory with it.
    if (reason.code === CloseCode.slowConsumer) this.share.writes.drop(this);
    this.webSocket.dismiss(reason, fault);
  }

  terminate(): void {
    this.#ignored = true;
    this.webSocket.terminate();
    if (this.#closed) this.inbox.drop();
  }

  /** The WebSocket is closed for good, with a code of our own or the peer's: nothing more comes but what is held. */
  ended(own: number | undefined, ofPeer: number): void {
    this.share.connections.closed(own, ofPeer);
    this.share.heartbeat.remove(this);
    this.#closed = true;
    this.#reader.stop();
    this.lags(0);
    if (!this.inbox.paused) this.#over();
    else if (this.#ignored) this.inbox.drop();
    else this.inbox.end();
  }

  #over(): void {
    this.identity.place.release();
    this.onClose?.();
  }
}

function onClose(this: WebSocket, code: number): void {
  const socket = this as SignalSocket;
  socket.connection.ended(socket.ownCode, code);
}

/** `ws` reports broken close frames and resets here, and closes by itself: all of it is the peer's doing and none of it news. */
function onError(): void {
  // Without a listener the error would end the process.
}
