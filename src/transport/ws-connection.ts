import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Connection } from '../connection/connection.js';
import type { Allowance } from '../connection/allowance.js';
import type { ConnectionCredential } from '../connection/connection.js';
import type { End, Tally } from '../connection/tally.js';
import { CloseCode, nodeOverloaded, reasonFor, slowConsumer, tooMuchUnfinished } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { SUBPROTOCOL_V2 } from '../protocol/subprotocol.js';
import { isMessage } from '../protocol/websocket-frame.js';
import type { Place } from './connection-limits.js';
import type { ConnectionShare } from './connection-share.js';
import { FrameReader } from './frame-reader.js';
import type { FrameEnd } from './frame-reader.js';
import { Inbox } from './inbox.js';
import type { Recipient } from './inbox.js';
import { Outlet } from './outlet.js';
import type { Sender } from './outlet.js';
import { SignalSocket } from './signal-socket.js';
import { SocketPulse } from './socket-pulse.js';
import { BLOCK_MEMORY_BYTES } from './write-batch.js';

/** Identity of a connection. */
export interface ConnectionIdentity {
  readonly id: number;
  readonly principal: string | undefined;
  readonly address: string | undefined;
  readonly source: string;
  readonly credential: ConnectionCredential | undefined;
  readonly tally: Tally | undefined;
  /** The subprotocol that was selected. */
  readonly protocol: string | undefined;
  /** Released when the connection ends. */
  readonly place: Place;
}

/** Key of a connection on its socket, so that all of them share their listener: there may be very many. */
const CONNECTION = Symbol('connection');
type Connected = Socket & { [CONNECTION]?: WsConnection };

/**
 * One peer's WebSocket as the domain's Connection. Owns the socket, and decides when and how it ends. What the peer
 * sends goes from the socket through FrameReader, Inbox and CborCodec to the gateway, and does not pass through here.
 * What it is sent goes through `send`. Knows nothing of topics or of what a message says.
 * Invariant: the gateway gets no message after `onClose`. What waits for the peer is never more than max-buffered-bytes
 * and one frame. Memory that the connection holds is noted as soon as it does.
 */
export class WsConnection extends Connection implements Recipient, FrameEnd, Sender {
  /** Called once, when the WebSocket is completely closed. Set by the adapter. */
  onClose: (() => void) | undefined;
  readonly inbox: Inbox;
  readonly pulse: SocketPulse;
  readonly #outlet: Outlet;
  readonly #reader: FrameReader;
  readonly #webSocket: SignalSocket;
  /** Asked for each message, so it is kept. */
  readonly #v2: boolean;
  #dismissed = false;
  /** Whether the WebSocket is completely closed. Messages that it brought may still be held. */
  #closed = false;

  /** `head` is what came behind the handshake. */
  constructor(
    private readonly identity: ConnectionIdentity,
    readonly socket: Socket,
    head: Buffer,
    readonly share: ConnectionShare,
  ) {
    super();
    const { readBuffer, heartbeat, maxMessageBytes } = share;
    this.inbox = new Inbox(this, share, socket, maxMessageBytes, identity);
    this.#outlet = new Outlet(socket, this);
    this.pulse = new SocketPulse(this, this.inbox, socket, identity.place, heartbeat.times.pingInterval);
    this.#reader = new FrameReader(readBuffer, this.inbox, this, maxMessageBytes);
    this.#webSocket = new SignalSocket(socket, this, share.mostClosing);
    this.#v2 = identity.protocol === SUBPROTOCOL_V2;
    (socket as Connected)[CONNECTION] = this;
    const read = readBuffer.readInto(socket, socket instanceof TLSSocket ? onRecord : onRead);
    if (head.length > 0) socket.unshift(head);
    // Reads the bytes that came with the handshake, and all bytes on a Node that lacks those internals.
    if (!read || socket.readableLength > 0) socket.on('data', (bytes: Buffer) => this.#reader.readElsewhere(bytes));
    else socket.resume();
    heartbeat.add(this.pulse);
  }

  get id(): number {
    return this.identity.id;
  }

  get principal(): string | undefined {
    return this.identity.principal;
  }

  get address(): string | undefined {
    return this.identity.address;
  }

  get protocol(): string | undefined {
    return this.identity.protocol;
  }

  override get v2(): boolean {
    return this.#v2;
  }

  get source(): string {
    return this.identity.source;
  }

  get credential(): ConnectionCredential | undefined {
    return this.identity.credential;
  }

  override get allowance(): Allowance | undefined {
    return this.identity.place.ofPrincipal?.allowance;
  }

  override get tally(): Tally | undefined {
    return this.identity.tally;
  }

  get open(): boolean {
    return this.#webSocket.open;
  }

  get dismissed(): boolean {
    return this.#dismissed;
  }

  /** Takes everything that was read into the read buffer, and sends what that brings. */
  read(length: number): void {
    this.share.writes.during(this.#reader, length);
  }

  /** Takes one record of TLS. The next one may have come with it, so what they bring is sent at the end of the turn. */
  readRecord(length: number): void {
    this.#reader.read(length);
  }

  send(frame: Buffer): boolean {
    if (!this.open) return false;
    const { writes, maxBufferedBytes } = this.share;
    this.#sent(frame);
    writes.write(this.#outlet, frame);
    // Part of it may wait only for the end of this turn.
    if (maxBufferedBytes > 0 && this.#outlet.waiting > maxBufferedBytes) writes.flush(this.#outlet);
    return true;
  }

  override sendLarge(bytes: number, make: (memory?: Buffer) => Buffer): boolean {
    const { writes, maxBufferedBytes } = this.share;
    // The memory that is used again may be kept for a peer that lags.
    const fits = maxBufferedBytes === 0 || maxBufferedBytes >= BLOCK_MEMORY_BYTES;
    const frame = fits ? writes.writeNow(this.#outlet, bytes, make) : undefined;
    if (frame === undefined) return super.sendLarge(bytes, make);
    this.#sent(frame);
    return true;
  }

  charge(messages: number): void {
    this.inbox.charge(messages);
  }

  hold(until: Promise<void>, subscribing = false): void {
    const settled = until.catch((error: unknown) => this.share.codec.failed(this, error));
    this.inbox.hold(settled, subscribing);
  }

  close(reason: CloseReason): void {
    // A peer that is drained may still send messages. A peer that is closed for a fault may not.
    const fault = reason.code !== CloseCode.goingAway;
    if (fault) {
      this.#dismissed = true;
      this.inbox.drop();
    }
    this.#count(reason);
    // Otherwise the close frame, and memory, would wait behind what already waits for the peer.
    if (reason.code === CloseCode.slowConsumer) this.share.writes.drop(this.#outlet);
    this.#webSocket.dismiss(reason, fault);
  }

  terminate(): void {
    this.#dismissed = true;
    if (this.tally !== undefined) this.tally.cut = true;
    this.#webSocket.terminate();
    if (this.#closed) this.inbox.drop();
  }

  /** Writes everything that was sent so far, before a close frame. */
  flush(): void {
    this.share.writes.flushAll(this.#outlet);
  }

  lags(bytes: number): void {
    const { backlog, maxBufferedBytes } = this.share;
    backlog.note(this, bytes);
    if (maxBufferedBytes > 0 && bytes > maxBufferedBytes && this.open && !this.#dismissed) {
      this.close(slowConsumer(maxBufferedBytes));
    }
  }

  /** Drops what waits for the peer: too much waits for all peers together, and most of it for this one. */
  overflow(maxBufferedTotalBytes: number): void {
    if (this.open) this.close(nodeOverloaded(maxBufferedTotalBytes));
    else this.terminate();
  }

  /**
   * Drops what the peer has sent and the server has not handled: all peers together have sent too much, and this one
   * most.
   */
  abandon(maxUnfinishedTotalBytes: number): void {
    this.#dismissed = true;
    this.#reader.stop();
    this.inbox.drop();
    if (this.open) this.fault(tooMuchUnfinished(maxUnfinishedTotalBytes));
    else this.terminate();
  }

  holds(bytes: number): void {
    this.share.unfinished.note(this, bytes);
  }

  pause(): void {
    this.#webSocket.pause();
    // The peer's answer to our close frame comes after everything else that it is still sending.
    if (this.#dismissed) this.#webSocket.cutSoon();
  }

  resume(): void {
    // A paused peer could not be heard.
    this.pulse.heard = true;
    if (this.#closed) this.#over();
    else this.#webSocket.resume();
  }

  closing(frame: Buffer): void {
    this.#webSocket.answerClose(frame);
  }

  fault(reason: CloseReason): void {
    this.#count(reason);
    this.#webSocket.fail(reason);
    // Reading on detects the end of the socket, even if messages of the peer wait.
    this.socket.resume();
  }

  /**
   * Called when the WebSocket is completely closed, with the server's code or the peer's. Only what is held still
   * comes.
   */
  ended(own: number | undefined, ofPeer: number): void {
    this.share.connections.closed(own, ofPeer);
    if (this.tally !== undefined) this.tally.end = endOf(this.tally, own, ofPeer);
    this.share.heartbeat.remove(this.pulse);
    this.#closed = true;
    this.#reader.stop();
    this.#outlet.lags(0);
    if (!this.inbox.paused) this.#over();
    else if (this.#dismissed) this.inbox.drop();
    else this.inbox.end();
  }

  #sent(frame: Buffer): void {
    this.share.traffic.bytesOut += frame.length;
    const { tally } = this.identity;
    if (tally === undefined || !isMessage(frame)) return;
    tally.messagesOut += 1;
    tally.bytesOut += frame.length;
  }

  #count({ limit, text }: CloseReason): void {
    if (this.tally !== undefined) this.tally.reason ??= text;
    if (limit !== undefined) this.share.counts.reached(limit);
  }

  #over(): void {
    this.identity.place.release();
    this.onClose?.();
  }
}

function onRead(this: Connected, length: number): void {
  this[CONNECTION]!.read(length);
}

function onRecord(this: Connected, length: number): void {
  this[CONNECTION]!.readRecord(length);
}

/** Code of a connection that ended without a close frame (RFC 6455, section 7.1.5). */
const ABNORMAL = 1006;

function endOf({ reason, cut }: Tally, own: number | undefined, ofPeer: number): End {
  if (own !== undefined) return { code: own, by: 'server', reason: reason ?? reasonFor(own) };
  if (ofPeer !== ABNORMAL) return { code: ofPeer, by: 'peer' };
  return { code: ofPeer, by: cut ? 'server' : 'network' };
}
