import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { HttpListener } from './http-listener.js';
import { WsEndpoint } from './ws-endpoint.js';
import type { WsConnection } from './ws-connection.js';

const ALONE = 'CborWsAdapter serves the gateway of cairn-signal alone: put others into an application of their own';

/**
 * Nest's door to the CBOR wire: gives the gateway WsEndpoint as its server and WsConnections as its clients. Owns nothing but
 * whether it was asked already. Differs from the stock adapter in that guards run before the WebSocket exists, CborCodec hands
 * messages to the gateway directly and in order, and refusals are HTTP answers (docs/adr/0002).
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
    const endpoint = this.app.get(WsEndpoint, { strict: false });
    endpoint.bind(this.app.getHttpServer() as Server, this.app.getHttpAdapter() instanceof HttpListener);
    return endpoint;
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

  /** Nothing to bind: CborCodec calls the gateway's methods. */
  override bindMessageHandlers(): void {
    // See ConnectionSource.deliverTo.
  }

  override close(endpoint: WsEndpoint): Promise<void> {
    endpoint.close();
    return Promise.resolve();
  }
}
