import type { Server } from 'node:http';
import type { INestApplication, WebSocketAdapter } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { StartupError } from '../config/faults.js';
import { GATEWAY } from '../connection/message-handler.js';
import { HttpListener } from './http-listener.js';
import { OtherGateways } from './other-gateways.js';
import { RefusalLog } from './refusal-log.js';
import { ServedPath } from './served-path.js';
import { WsConnection } from './ws-connection.js';
import { WsEndpoint } from './ws-endpoint.js';

export interface CborWsAdapterOptions {
  /** Serves all other gateways of the application: `new WsAdapter(app)`, `new IoAdapter(app)`, or one of its own. */
  readonly others?: WebSocketAdapter;
}

/** What Nest hands to `create`: the options of @WebSocketGateway, and the server that a namespace belongs to. */
interface GatewayOptions {
  readonly path?: string;
  readonly server?: unknown;
}

type Handlers = Parameters<WebSocketAdapter['bindMessageHandlers']>;

/**
 * Nest's door to the CBOR wire: gives the gateway WsEndpoint as its server and WsConnections as its clients. Differs
 * from the stock adapter in that guards run before the WebSocket exists, CborCodec hands messages to the gateway
 * directly and in order, and refusals are HTTP answers (docs/adr/0002). Other gateways of an application are served by
 * the adapter that they were made for. Owns nothing but what it knows of those.
 */
export class CborWsAdapter extends WsAdapter {
  readonly #others: WebSocketAdapter | undefined;
  readonly #otherGateways = new OtherGateways();

  constructor(
    private readonly app: INestApplication,
    { others }: CborWsAdapterOptions = {},
  ) {
    super(app);
    this.#others = others;
  }

  /** Nest sets it before it creates anything. */
  override set forceCloseConnections(value: boolean) {
    super.forceCloseConnections = value;
    if (this.#others !== undefined) Object.assign(this.#others, { forceCloseConnections: value });
  }

  override get forceCloseConnections(): boolean {
    return super.forceCloseConnections;
  }

  /**
   * Serves our gateway on the application's own HTTP server. Throws a StartupError for another one that nobody serves.
   */
  override create(port: number, options: GatewayOptions = {}): unknown {
    if (options.path !== GATEWAY) return this.#createOther(port, options);
    const endpoint = this.app.get(WsEndpoint, { strict: false });
    const listener: unknown = this.app.getHttpAdapter();
    if (listener instanceof HttpListener) {
      const refusals = this.app.get(RefusalLog, { strict: false });
      listener.onBroken = (broken) => refusals.broken(broken);
    }
    const ownListener = listener instanceof HttpListener;
    endpoint.bind(this.app.getHttpServer() as Server, { ownListener, others: this.#otherGateways });
    if (listener instanceof HttpListener && listener.management !== undefined) endpoint.watch(listener.management);
    return endpoint;
  }

  override bindClientConnect(server: unknown, callback: (client: unknown) => void): void {
    if (server instanceof WsEndpoint) server.onConnection(callback);
    else this.#others!.bindClientConnect(server, callback);
  }

  override bindClientDisconnect(client: unknown, callback: () => void): void {
    if (client instanceof WsConnection) client.onClose = callback;
    else this.#others!.bindClientDisconnect?.(client, callback);
  }

  /** Nothing to bind for ours: CborCodec calls the gateway's methods (see ConnectionSource.deliverTo). */
  override bindMessageHandlers(...[client, handlers, transform]: Handlers): void {
    if (!(client instanceof WsConnection)) this.#others!.bindMessageHandlers(client, handlers, transform);
  }

  override async close(server: unknown): Promise<void> {
    if (server instanceof WsEndpoint) server.close();
    else await (this.#others!.close(server) as unknown);
  }

  override async dispose(): Promise<void> {
    await (this.#others as { dispose?(): Promise<void> } | undefined)?.dispose?.();
  }

  #createOther(port: number, options: GatewayOptions): unknown {
    const others = this.#others;
    if (others === undefined) {
      throw new StartupError(
        'this application has another gateway: give CborWsAdapter the adapter that serves it, as in ' +
          'new CborWsAdapter(app, { others: new WsAdapter(app) })',
      );
    }
    const create = (): unknown => others.create(port, options) as unknown;
    // A port of its own, or a namespace of a server that is there.
    if (port !== 0 || options.server !== undefined) return create();
    const made = this.#otherGateways.add(this.app.getHttpServer() as Server, options.path, create);
    const { path } = this.app.get(ServedPath, { strict: false });
    if (path !== undefined && this.#otherGateways.takes(path)) {
      throw new StartupError(
        `the path ${JSON.stringify(path)} of CairnSignalModule is also the path of another gateway`,
      );
    }
    return made;
  }
}
