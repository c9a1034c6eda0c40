import type { OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '../clock/clock.js';
import type { Connection } from '../connection/connection.js';
import type { Shown } from '../connection/shown.js';
import { Tally } from '../connection/tally.js';
import type { LineWriter } from '../logging/line-writer.js';
import { forgetWriter } from '../logging/standard-output.js';
import type { AuditCounts } from '../metrics/audit-counts.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';

/** Milliseconds for which the end of the server waits for the last lines to be written. */
const LAST_WORDS_MS = 1000;

/** Somebody who was refused. */
export interface Refused extends Shown {
  readonly reason: RefusalReason;
  /** Status of the answer; undefined where nothing could be answered. */
  readonly status?: number | undefined;
  readonly address: string | undefined;
}

/** What an operator had done by way of the management address. */
export interface Ordered {
  readonly principal: string;
  readonly closed: number;
  readonly nodes: number;
  readonly address: string | undefined;
}

/** A peer that was told of ICE servers. */
export interface IceIssued {
  /** Number of its connection; undefined over plain HTTP. */
  readonly connection: number | undefined;
  readonly address: string | undefined;
  readonly principal: string | undefined;
  /** Seconds that the credentials hold. */
  readonly ttl: number;
  /** What TURN servers call the peer; undefined where this server did not make that up. */
  readonly pseudonym: string | undefined;
}

/**
 * Writes who connected, who was refused, who was told of ICE servers and who left: one line of JSON each (docs/operations.md, "Audit"). Owns where
 * the lines go. Never gets a topic, a payload or a token, nor text that a stranger chose, except principals.
 * Invariant: every event is a line, or is counted as dropped. The next line that is written says how many were.
 */
export class Audit implements OnApplicationShutdown {
  /** Lines that were dropped, and that a later line has told of. */
  #told = 0;

  /** `writer` is undefined for no audit. */
  constructor(
    private readonly writer: LineWriter | undefined,
    private readonly clock: Clock,
    private readonly counts: AuditCounts,
  ) {}

  /** Waits a moment for the last lines. */
  async onApplicationShutdown(): Promise<void> {
    if (this.writer === undefined) return;
    const over = new AbortController();
    await this.writer.settled(this.clock.sleep(LAST_WORDS_MS, over.signal));
    over.abort();
    forgetWriter(this.writer);
  }

  /** Returns what a new connection is to count; undefined without an audit. */
  tally(): Tally | undefined {
    return this.writer && new Tally(this.clock.monotonic());
  }

  /** A peer connected. `protocol` is the subprotocol that was agreed on; empty for none. */
  connected({ id, address }: Connection, { proof = 'none', ...shown }: Shown, protocol: string): void {
    this.#write('connected', {
      connection: id,
      address,
      ...shown,
      proof,
      ...(protocol !== '' && { protocol }),
    });
  }

  refused(refused: Refused): void {
    const { reason, status, address, principal, proof, issuer, claimed } = refused;
    this.#write('refused', { reason, status, address, principal, proof, issuer, claimed });
  }

  /** A connection ended that counted with a tally of this audit. `topics` is how many it was subscribed to. */
  disconnected({ id, address, principal, tally }: Connection, topics: number): void {
    if (tally === undefined) return;
    const { began, end, messagesIn, bytesIn, messagesOut, bytesOut } = tally;
    const seconds = Math.round(this.clock.monotonic() - began) / 1000;
    const traffic = { messagesIn, bytesIn, messagesOut, bytesOut, topics };
    this.#write('disconnected', { connection: id, address, principal, ...end, seconds, ...traffic });
  }

  /** A peer was told of ICE servers. The line holds no credential. */
  iceIssued({ connection, address, principal, ttl, pseudonym }: IceIssued): void {
    this.#write('ice_issued', { connection, address, principal, ttl, pseudonym });
  }

  /** An operator had the connections of a principal closed. */
  ordered({ principal, closed, nodes, address }: Ordered): void {
    this.#write('close_ordered', { principal, closed, nodes, address });
  }

  #write(event: string, fields: object): void {
    if (this.writer === undefined) return;
    const untold = this.counts.dropped - this.#told;
    if (untold > 0) {
      this.#told += untold;
      this.#put(this.writer, 'dropped', { lines: untold }, () => (this.#told -= untold));
    }
    this.counts.written += 1;
    this.#put(this.writer, event, fields, () => {
      this.counts.written -= 1;
      this.counts.dropped += 1;
    });
  }

  /** Fields that are undefined are left out. */
  #put(writer: LineWriter, event: string, fields: object, lost: () => void): void {
    const time = new Date(this.clock.now()).toISOString();
    writer.write(`${JSON.stringify({ time, event, ...fields })}\n`, lost);
  }
}
