import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { UpgradeGuards } from '../auth/upgrade-guards.js';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Lifecycle } from '../lifecycle/lifecycle.js';
import { Logs } from '../logging/log.js';
import { ConnectionCounts } from '../metrics/connection-counts.js';
import { HeldBytes } from '../metrics/held-bytes.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { RefusalCounts } from '../metrics/refusal-counts.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import { HttpListener } from './http-listener.js';
import { WsEndpoint } from './ws-endpoint.js';
import type { WsConnection } from './ws-connection.js';

const ALONE = 'CborWsAdapter serves the gateway of cairn-signal alone: put others into an application of their own';

/**
 * Nest's door to the CBOR wire: gives a gateway our endpoint as its server and our connections as its clients.
 * Differs from the stock adapter in that guards run before the WebSocket exists, messages reach the gateway directly
 * and in order, and refusals are HTTP answers (docs/adr/0002).
 */
export class CborWsAdapter extends WsAdapter {
  #serving = false;
  #bound = false;

  constructor(private readonly app: INestApplication) {
    super(app);
  }

  /** Serves the application's own HTTP server. Throws for a gateway that asks for a port of its own, and for a second one. */
  override create(port: number): WsEndpoint {
    if (this.#serving) throw new Error(ALONE);
    this.#serving = true;
    if (port !== 0) {
      throw new Error('CborWsAdapter serves the port of the application: give @WebSocketGateway none of its own');
    }
    return new WsEndpoint({
      httpServer: this.app.getHttpServer() as Server,
      ownListener: this.app.getHttpAdapter() instanceof HttpListener,
      settings: this.app.get(Settings, { strict: false }),
      lifecycle: this.app.get(Lifecycle, { strict: false }),
      guards: this.app.get(UpgradeGuards, { strict: false }),
      counts: this.app.get(LimitCounts, { strict: false }),
      refusals: this.app.get(RefusalCounts, { strict: false }),
      traffic: this.app.get(TrafficCounts, { strict: false }),
      connections: this.app.get(ConnectionCounts, { strict: false }),
      held: this.app.get(HeldBytes, { strict: false }),
      clock: this.app.get(Clock, { strict: false }),
      log: this.app.get(Logs, { strict: false }).for('upgrade'),
    });
  }

  /** Throws for a second gateway, which Nest would have share the endpoint. */
  override bindClientConnect(endpoint: WsEndpoint, callback: (connection: WsConnection) => void): void {
    if (this.#bound) throw new Error(ALONE);
    this.#bound = true;
    endpoint.onConnection(callback);
  }

  override bindClientDisconnect(connection: WsConnection, callback: () => void): void {
    connection.onClose = callback;
  }

  /** Nothing to bind: the endpoint delivers messages to the gateway itself. */
  override bindMessageHandlers(): void {
    // See WsEndpoint.deliverTo.
  }

  override close(endpoint: WsEndpoint): Promise<void> {
    endpoint.close();
    return Promise.resolve();
  }
}
