import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { HttpListener } from './http-listener.js';
import { WsEndpoint } from './ws-endpoint.js';
import type { WsConnection } from './ws-connection.js';

const ALONE = 'CborWsAdapter serves only the gateway of cairn-signal: put other gateways into another application';

/**
 * Connects Nest to the CBOR wire: gives the gateway WsEndpoint as its server and WsConnections as its clients. Owns
 * only two flags: whether Nest has asked for a server, and for the gateway's connections. Knows nothing of messages.
 * Differs from the stock adapter in three ways (docs/adr/0002): guards run before the WebSocket exists, CborCodec
 * passes messages to the gateway directly and in order, and refusals are HTTP answers.
 * Invariant: serves one gateway, on the port of the application.
 */
export class CborWsAdapter extends WsAdapter {
  #serving = false;
  #bound = false;

  constructor(private readonly app: INestApplication) {
    super(app);
  }

  /**
   * Serves the application's own HTTP server. Throws an Error for a gateway with its own port, and for a second
   * gateway.
   */
  override create(port: number): WsEndpoint {
    if (this.#serving) throw new Error(ALONE);
    this.#serving = true;
    if (port !== 0) {
      throw new Error('CborWsAdapter serves the port of the application: do not give @WebSocketGateway a port');
    }
    const endpoint = this.app.get(WsEndpoint, { strict: false });
    endpoint.bind(this.app.getHttpServer() as Server, this.app.getHttpAdapter() instanceof HttpListener);
    return endpoint;
  }

  /** Throws an Error for a second gateway. Otherwise Nest would make it share the endpoint. */
  override bindClientConnect(endpoint: WsEndpoint, callback: (connection: WsConnection) => void): void {
    if (this.#bound) throw new Error(ALONE);
    this.#bound = true;
    endpoint.onConnection(callback);
  }

  override bindClientDisconnect(connection: WsConnection, callback: () => void): void {
    connection.onClose = callback;
  }

  /** Binds nothing: CborCodec calls the gateway's methods. */
  override bindMessageHandlers(): void {
    // See ConnectionSource.deliverTo.
  }

  override close(endpoint: WsEndpoint): Promise<void> {
    endpoint.close();
    return Promise.resolve();
  }
}
