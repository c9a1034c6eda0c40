import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import type { BackplaneState } from '../backplane/backplane.js';
import { Clock } from '../clock/clock.js';
import type { Connection } from '../connection/connection.js';
import { Log, Logs } from '../logging/log.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { closedByOperator } from '../protocol/close-codes.js';
import { OperatorToken } from './operator-token.js';

/** Connections that are closed in one turn of the event loop. */
const CLOSED_PER_TURN = 200;
/** How far, in milliseconds, the clocks of two nodes may differ. An order that is older is a copy. */
const MOST_AGE_MS = 300_000;
/** Connections that a node says it closed, at most: more is nonsense. */
const MOST_CLOSED = 10_000_000;

/** What became of an order to close connections. */
export interface Disconnected {
  /** Connections that were closed, on all nodes that answered. */
  readonly closed: number;
  /** Nodes that did so, this one included. */
  readonly nodes: number;
  /** Whether other nodes could be asked. */
  readonly bus: BackplaneState;
}

/** What goes over the bus. */
interface Order {
  readonly close?: unknown;
  /** When it was given, in milliseconds since the epoch. */
  readonly at?: unknown;
  readonly signature?: unknown;
}

/**
 * Closes all connections of a principal, here and on the other nodes (O7). Owns what nodes say to each other about it.
 * Keeps nobody out: that is up to tokens and guards.
 * Invariant: a node that has a management token obeys only orders that are signed with it, and not older than
 * MOST_AGE_MS.
 */
@Injectable()
export class Disconnections implements OnModuleInit {
  readonly #log: Log<'operators'>;

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly backplane: Backplane,
    private readonly token: OperatorToken,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('operators');
  }

  onModuleInit(): void {
    this.backplane.obey((order) => this.#obey(order));
  }

  /** Closes them on all nodes. Resolves within about two seconds. */
  async close(principal: string): Promise<Disconnected> {
    const here = this.#closeHere(principal);
    const { state: bus, connected } = this.backplane;
    const answers = connected ? await this.backplane.order(this.#order(principal)) : [];
    const elsewhere = answers.map(closedIn).filter((closed) => closed !== undefined);
    return { closed: elsewhere.reduce((sum, closed) => sum + closed, here), nodes: 1 + elsewhere.length, bus };
  }

  /** Begins to close them on this node. Returns how many there are. */
  #closeHere(principal: string): number {
    const found = [...this.connections].filter(
      (connection) => connection.principal === principal && connection.open && !connection.dismissed,
    );
    void closeInTurns(found);
    if (found.length > 0) {
      this.#log.write('principal_closed', {
        principal,
        connections: found.length,
      });
    }
    return found.length;
  }

  #order(principal: string): Uint8Array {
    const at = this.clock.now();
    return Buffer.from(
      JSON.stringify({ close: principal, at, signature: this.token.sign(signedText(at, principal)) } satisfies Order),
    );
  }

  /** Answers undefined to what it does not understand, or does not believe. */
  #obey(bytes: Uint8Array): Uint8Array | undefined {
    const { close, at, signature }: Order = parsed(bytes) ?? {};
    if (typeof close !== 'string' || close === '' || typeof at !== 'number') return undefined;
    if (!this.token.verifies(signedText(at, close), signature)) return undefined;
    if (Math.abs(this.clock.now() - at) > MOST_AGE_MS) return undefined;
    return Buffer.from(JSON.stringify({ closed: this.#closeHere(close) }));
  }
}

async function closeInTurns(connections: readonly Connection[]): Promise<void> {
  for (const [i, connection] of connections.entries()) {
    if (i > 0 && i % CLOSED_PER_TURN === 0) await nextTurn();
    connection.close(closedByOperator);
  }
}

function signedText(at: number, principal: string): string {
  return `close\n${at}\n${principal}`;
}

/** Reads how many connections a node closed; undefined for what no node answers. */
function closedIn(answer: Uint8Array): number | undefined {
  const { closed } = (parsed(answer) ?? {}) as { closed?: unknown };
  return Number.isInteger(closed) && (closed as number) >= 0 && (closed as number) <= MOST_CLOSED
    ? (closed as number)
    : undefined;
}

/** Returns the object that a message of the bus is, as JSON; undefined for anything else. */
function parsed(bytes: Uint8Array): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
