import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { ConnectionCounts } from '../metrics/connection-counts.js';
import { HeldBytes } from '../metrics/held-bytes.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import { CborCodec } from './cbor-codec.js';
import { Heartbeat } from './heartbeat.js';
import { Holdings } from './holdings.js';
import { ReadBuffer } from './read-buffer.js';
import { CLOSE_TIMEOUT_MS } from './signal-socket.js';
import { Throttle } from './throttle.js';
import { WriteBatch } from './write-batch.js';

/** A connection that can be told to give up memory. */
interface Holder {
  overflow(maxBufferedTotalBytes: number): void;
  abandon(maxUnfinishedTotalBytes: number): void;
}

/**
 * What all connections of this node share. Owns the memory counts of all connections together: what waits for peers,
 * and what they have sent and the server has not handled.
 */
@Injectable()
export class ConnectionShare {
  /** Memory for what waits for peers. */
  readonly backlog: Holdings<Holder>;
  /** Memory for what peers have sent and the server has not handled. */
  readonly unfinished: Holdings<Holder>;
  /** Maximum size of a message from a peer, in bytes. */
  readonly maxMessageBytes: number;
  /** Maximum bytes of memory that may wait for one peer; 0 for no limit. */
  readonly maxBufferedBytes: number;
  /** Maximum milliseconds of any close: SignalSocket ends all but those of a drain sooner. */
  readonly mostClosing: number;

  constructor(
    readonly codec: CborCodec,
    readonly writes: WriteBatch,
    readonly readBuffer: ReadBuffer,
    readonly heartbeat: Heartbeat,
    readonly throttle: Throttle,
    readonly counts: LimitCounts,
    readonly traffic: TrafficCounts,
    readonly connections: ConnectionCounts,
    held: HeldBytes,
    { maxMessageBytes, maxBufferedBytes, maxBufferedTotalBytes, maxUnfinishedTotalBytes, drainTimeout }: Settings,
  ) {
    this.mostClosing = drainTimeout + CLOSE_TIMEOUT_MS;
    this.maxMessageBytes = maxMessageBytes;
    this.maxBufferedBytes = maxBufferedBytes;
    this.backlog = new Holdings(maxBufferedTotalBytes, held.buffered, (connection) =>
      connection.overflow(maxBufferedTotalBytes),
    );
    this.unfinished = new Holdings(maxUnfinishedTotalBytes, held.unfinished, (connection) =>
      connection.abandon(maxUnfinishedTotalBytes),
    );
  }
}
