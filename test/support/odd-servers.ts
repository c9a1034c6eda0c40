import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';
import { encodeMessage } from '../../src/protocol/message.js';
import { readMessage } from '../../src/protocol/strict-reader.js';

/**
 * Misbehaving servers and proxies, on free ports of loopback. Each start returns the port. stopOddServers ends all of
 * them.
 */
const running = new Map<Server, Set<Socket>>();

/** Where a server listens. By default, on a free port. */
export interface Where {
  readonly host?: string;
  readonly port?: number;
}

async function start(server: Server, { host = '127.0.0.1', port = 0 }: Where = {}): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  running.set(server, sockets);
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function stopOddServers(): Promise<void> {
  for (const [server, sockets] of running) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
  running.clear();
}

/** Accepts TCP connections and passes them to `onConnection`. */
export function startTcp(onConnection: (socket: Socket) => void): Promise<number> {
  return start(createTcpServer(onConnection));
}

/** A proxy in front of `port` that changes the head of each connection's first request. */
export function startProxy(port: number, alter: (head: string) => string): Promise<number> {
  return startTcp((socket) => {
    socket.once('data', (first: Buffer) => {
      const behind = connect(port, '127.0.0.1');
      behind.on('error', () => socket.destroy());
      socket.once('close', () => behind.destroy());
      behind.write(alter(first.toString('latin1')), 'latin1');
      socket.pipe(behind).pipe(socket);
    });
  });
}

/** Answers plain requests. A handshake is a plain request here, because nothing listens for upgrades. */
export function startHttp(onRequest: RequestListener): Promise<number> {
  return start(createHttpServer(onRequest));
}

/** A TLS server with these certificates (PEM). It sends nothing of interest. */
export function startTls(cert: string, key: string, where?: Where): Promise<number> {
  return start(
    createHttpsServer({ cert, key }, (_request, response) => response.end('hello')),
    where,
  );
}

/**
 * A proxy that terminates TLS and requires a certificate (PEM) of `ca`; without one it sends the alert of TLS. Behind
 * it is a silent WebSocket server.
 */
export function startTlsThatInsists(
  cert: string,
  key: string,
  ca: string,
  options: SecureContextOptions = {},
): Promise<number> {
  const server = createHttpsServer(
    { cert, key, ca, requestCert: true, rejectUnauthorized: true, ...options },
    (_request, response) => response.end('hello'),
  );
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => socket.on('error', () => undefined));
  server.on('tlsClientError', () => undefined);
  return start(server);
}

/** A port of loopback on which nothing listens. */
export async function unusedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await start(server);
  server.close();
  await once(server, 'close');
  running.delete(server);
  return port;
}

/** Accepts WebSockets and passes them to `onConnection`. Plain requests go to `onRequest`. */
export function startWebSockets(
  onConnection: (socket: WebSocket) => void,
  options: ServerOptions = {},
  where?: Where,
  onRequest: RequestListener = (_request, response) => response.writeHead(400).end(),
): Promise<number> {
  const http: HttpServer = createHttpServer(onRequest);
  const webSockets = new WebSocketServer({ ...options, noServer: true });
  http.on('upgrade', (request, socket: Socket, head: Buffer) => {
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined);
      onConnection(webSocket);
    });
  });
  return start(http, where);
}

/**
 * The rules of the CBOR relay and nothing else, like the reference: JSON is ignored, and connections are not pinged.
 */
export function startReference(options: ServerOptions = {}, where?: Where): Promise<number> {
  const topics = new Map<string, Set<WebSocket>>();
  return startWebSockets(
    (socket) => {
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        const message = isBinary ? readMessage(data) : undefined;
        if (message?.kind === 'Subscribe') {
          topics.set(message.topic, (topics.get(message.topic) ?? new Set()).add(socket));
        }
        if (message?.kind !== 'Relay') return;
        for (const subscriber of topics.get(message.topic) ?? []) {
          if (subscriber !== socket) subscriber.send(encodeMessage(message));
        }
      });
    },
    options,
    where,
  );
}
