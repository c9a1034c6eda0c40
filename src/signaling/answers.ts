import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import type { Connection } from '../connection/connection.js';
import { AnswerCounts } from '../metrics/answer-counts.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { faultOf, FORBIDDEN } from '../protocol/error-codes.js';
import type { RequestFault } from '../protocol/error-codes.js';
import { ack, error } from '../protocol/response.js';
import { binaryFrame } from '../protocol/websocket-frame.js';

/** What is answered. */
export interface Asked {
  /** Undefined: the peer wants to hear of failures only. */
  readonly id?: number | undefined;
  readonly topic?: string | undefined;
}

/** What became of a Relay (V6). */
export interface HandedOn {
  /** To how many members; undefined for a sender that is none. */
  readonly to?: number | undefined;
  /** Whether there may be more, on other nodes. */
  readonly partial?: boolean;
}

/**
 * What peers are answered (V2). A peer of v1 gets no answers: what it may not do is dropped, and a limit closes its
 * connection. Owns the order of answers. Does not know the rules that it tells the outcome of.
 * Invariant: requests of a connection are answered in the order in which it made them.
 */
@Injectable()
export class Answers {
  /** The last answer of each connection that is not out yet. */
  readonly #last = new WeakMap<Connection, Promise<void>>();

  constructor(
    private readonly settings: Settings,
    private readonly limits: LimitCounts,
    private readonly traffic: TrafficCounts,
    private readonly counts: AnswerCounts,
  ) {}

  /**
   * Calls `answer` after all earlier answers to the connection, and after `ready`. Returns a promise for the answer to be
   * out; undefined if it is. Its rejection is our own fault.
   */
  inOrder(connection: Connection, ready: Promise<unknown> | undefined, answer: () => void): Promise<void> | undefined {
    const before = this.#last.get(connection);
    if (before === undefined && ready === undefined) {
      answer();
      return undefined;
    }
    const out = Promise.all([before, ready]).then(() => {
      if (this.#last.get(connection) === out) this.#last.delete(connection);
      answer();
    });
    this.#last.set(connection, out);
    return out;
  }

  /** The request was done. */
  done(connection: Connection, { id }: Asked, { to, partial }: HandedOn = {}): void {
    if (id === undefined) return;
    this.counts.acks += 1;
    if (to === 0) this.counts.nobody += 1;
    connection.send(binaryFrame(ack(id, to, partial)));
  }

  /** The request was not done. Only for peers that are answered. */
  failed(connection: Connection, { id, topic }: Asked, { code, text, limit, retry }: RequestFault): void {
    if (limit !== undefined) this.limits.reached(limit);
    this.counts.errors[code] += 1;
    connection.send(binaryFrame(error({ id, topic: this.#worthRepeating(topic), code, message: text, retry })));
  }

  /** As `failed`, after what was asked before is answered. */
  failedInOrder(connection: Connection, asked: Asked, fault: RequestFault): void {
    const out = this.inOrder(connection, undefined, () => this.failed(connection, asked, fault));
    if (out !== undefined) connection.hold(out, true);
  }

  /** P1: the connection may not do that. */
  forbidden(connection: Connection, asked: Asked): void {
    if (connection.v2) this.failedInOrder(connection, asked, FORBIDDEN);
    else this.traffic.dropped.forbidden += 1;
  }

  /** The request would exceed a limit. */
  breached(connection: Connection, asked: Asked, reason: CloseReason): void {
    if (connection.v2) this.failedInOrder(connection, asked, faultOf(reason));
    else connection.close(reason);
  }

  /** A topic that is too long is not sent back: that would cost as much as a relay. */
  #worthRepeating(topic: string | undefined): string | undefined {
    return topic !== undefined && Buffer.byteLength(topic) > this.settings.maxTopicBytes ? undefined : topic;
  }
}
