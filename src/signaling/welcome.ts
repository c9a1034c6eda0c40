import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import type { Connection } from '../connection/connection.js';
import { IceDesk } from '../ice/ice-desk.js';
import { welcome } from '../protocol/response.js';
import type { PeerLimits } from '../protocol/response.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import { VERSION } from '../version.js';

/**
 * Tells peers of cairn-signal.v2 what they are connected to (V1). Owns what is the same for all of them. Knows nothing
 * of topics.
 * Invariant: it is the first message of a connection.
 */
@Injectable()
export class Welcome {
  readonly #heartbeat: number;
  readonly #features: readonly string[];
  readonly #limits: PeerLimits;

  constructor(
    settings: Settings,
    private readonly ice: IceDesk,
  ) {
    this.#heartbeat = settings.pingInterval;
    this.#features = settings.presence ? ['presence'] : [];
    this.#limits = {
      message: settings.maxMessageBytes,
      topic: settings.maxTopicBytes,
      topics: settings.maxTopicsPerConnection,
      rate: settings.maxMessagesPerSecond,
      burst: settings.messageBurst,
      data: settings.presenceDataBytes,
      members: settings.presenceMembers,
    };
  }

  send(connection: Connection): void {
    const { id, address } = connection;
    const message = welcome({
      server: `cairn-signal/${VERSION}`,
      connection: String(id),
      address,
      heartbeat: this.#heartbeat,
      features: this.ice.fault === undefined ? [...this.#features, 'ice'] : this.#features,
      limits: this.#limits,
    });
    connection.send(binaryFrame(message));
  }
}
