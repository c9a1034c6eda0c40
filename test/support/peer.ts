import type { ClientRequestArgs, IncomingMessage } from 'node:http';
import { Encoder } from 'cbor-x';
import { WebSocket } from 'ws';

const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** The server's HTTP answer to an upgrade that it refused. */
export interface Refused {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface PeerOptions {
  readonly headers?: Record<string, string>;
  readonly protocols?: string[];
  readonly path?: string;
  /** Trusted certificate authority, PEM. */
  readonly ca?: string;
  /** What it shows when it is asked for a certificate, PEM. */
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly localAddress?: string;
  readonly offerCompression?: boolean;
}

/** A cairn peer as the CBOR dialect knows it, with a barrier so that "nothing else arrived" needs no sleep. */
export class Peer {
  /** Binary messages that no one took yet. */
  readonly received: Buffer[] = [];
  readonly texts: string[] = [];
  readonly closed: Promise<Closed>;
  #waiting: ((message: Buffer) => void)[] = [];
  #pings = 0;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) this.texts.push(data.toString());
      else if (this.#waiting.length > 0) this.#waiting.shift()!(data);
      else this.received.push(data);
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  static async connect(url: string, options: PeerOptions = {}): Promise<Peer> {
    const result = await open(url, options);
    if (result instanceof Peer) return result;
    throw new Error(`refused: ${result.status} ${result.body}`);
  }

  /** The answer to a connection attempt that must not succeed. */
  static async refused(url: string, options: PeerOptions = {}): Promise<Refused> {
    const result = await open(url, options);
    if (!(result instanceof Peer)) return result;
    result.socket.terminate();
    throw new Error('the upgrade was not refused');
  }

  /** @internal */
  static of(socket: WebSocket): Peer {
    return new Peer(socket);
  }

  subscribe(topic: string): void {
    this.send(encoder.encode({ Subscribe: { topic } }));
  }

  unsubscribe(topic: string): void {
    this.send(encoder.encode({ Unsubscribe: { topic } }));
  }

  relay(topic: string, payload: string | Uint8Array): Buffer {
    const message = relayMessage(topic, payload);
    this.send(message);
    return message;
  }

  send(message: Buffer | string): void {
    this.socket.send(message);
  }

  /** The next binary message. */
  next(): Promise<Buffer> {
    const first = this.received.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Resolves when the server has handled everything sent before, and everything it sent before its answer is here. */
  async sync(): Promise<this> {
    const mark = String(++this.#pings);
    const answered = new Promise<void>((resolve) => {
      const onPong = (data: Buffer): void => {
        if (data.toString() !== mark) return;
        this.socket.off('pong', onPong);
        resolve();
      };
      this.socket.on('pong', onPong);
    });
    this.socket.ping(mark);
    await answered;
    return this;
  }

  async close(): Promise<Closed> {
    this.socket.close();
    return this.closed;
  }
}

/** A canonical Relay. */
export function relayMessage(topic: string, payload: string | Uint8Array): Buffer {
  return encoder.encode({ Relay: { topic, payload: Buffer.from(payload as Uint8Array) } });
}

/** Every sender's messages are handled, then every receiver's deliveries are here. */
export async function settle(senders: readonly Peer[], receivers: readonly Peer[]): Promise<void> {
  await Promise.all(senders.map((peer) => peer.sync()));
  await Promise.all(receivers.map((peer) => peer.sync()));
}

function open(url: string, options: PeerOptions): Promise<Peer | Refused> {
  const { path = '/', protocols = [], offerCompression = false, ...rest } = options;
  const socket = new WebSocket(url + path, protocols, {
    ...(rest as ClientRequestArgs),
    perMessageDeflate: offerCompression,
  });
  const peer = Peer.of(socket);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(peer));
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
  });
}
