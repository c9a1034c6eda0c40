import type { Socket } from 'node:net';
import type { ExpiryList } from '../clock/expiry-list.js';
import type { Connection } from '../connection/connection.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { PING_FRAME } from '../protocol/response.js';
import { PING } from '../protocol/websocket-frame.js';
import type { Place } from './connection-limits.js';
import type { Pulse } from './heartbeat.js';
import type { Inbox } from './inbox.js';

/**
 * Shows whether a peer is alive: every byte that its socket reads is a sign of life. Owns the heartbeat's marks on one
 * connection. A peer that only ever sent text may be a library that never reads: the system tells whether its socket is
 * alive. Knows nothing of intervals.
 */
export class SocketPulse implements Pulse {
  checkAt = 0;
  previous: Pulse | undefined;
  next: Pulse | undefined;
  list: ExpiryList<Pulse> | undefined;
  /** Bytes that had been read when the heartbeat last looked; -1 if reading was resumed since then. */
  #readBefore = 0;

  constructor(
    private readonly connection: Connection,
    private readonly inbox: Inbox,
    private readonly socket: Socket,
    private readonly place: Place,
    private readonly pingInterval: number,
  ) {}

  get heard(): boolean {
    return this.socket.bytesRead !== this.#readBefore;
  }

  set heard(value: boolean) {
    this.#readBefore = value ? -1 : this.socket.bytesRead;
  }

  get paused(): boolean {
    return this.inbox.paused;
  }

  get mute(): boolean {
    return this.inbox.textOnly;
  }

  ping(): void {
    // V9: browsers do not show a page the pings of a WebSocket.
    this.connection.send(this.connection.v2 ? PING_FRAME : PING);
  }

  spare(): void {
    // Between pings that were acknowledged, this finds a dead socket sooner than the next ping.
    this.socket.setKeepAlive(true, Math.max(1000, this.pingInterval));
    this.place.spare(() => this.connection.terminate());
  }

  keep(): void {
    this.place.keep();
  }

  close(reason: CloseReason): void {
    this.connection.close(reason);
  }
}
