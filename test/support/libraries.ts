import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { clientFrame } from './client-frame.js';
import { until } from './until.js';

/**
 * The signaling backends of the published cairn libraries, as the table in wire.md observed them: what each sends, how
 * long it keeps its connection, how it reads, and what it makes of the answer. What it finds is given in the library's
 * own terms.
 */

interface Answer {
  readonly type: string;
  readonly topic?: string;
  readonly payload?: string | null;
  readonly peers?: { peer_id: string; addresses: string[] }[];
}

function open(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** TypeScript: one long-lived connection; publishes bytes; waits for a `result` on its topic. */
export class TypeScriptLibrary {
  #waiting = new Map<string, (answer: Answer) => void>();

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) return;
      const answer = JSON.parse(data.toString()) as Answer;
      if (answer.type === 'result') this.#waiting.get(answer.topic!)?.(answer);
    });
  }

  static async connect(url: string): Promise<TypeScriptLibrary> {
    return new TypeScriptLibrary(await open(url));
  }

  publish(topic: string, payload: Buffer): void {
    this.socket.send(JSON.stringify({ type: 'publish', topic, payload: payload.toString('base64') }));
  }

  /** The bytes found, or null. */
  async query(topic: string): Promise<Buffer | null> {
    const answered = new Promise<Answer>((resolve) => {
      this.#waiting.set(topic, resolve);
    });
    this.socket.send(JSON.stringify({ type: 'query', topic }));
    const { payload } = await answered;
    return payload === null || payload === undefined ? null : Buffer.from(payload, 'base64');
  }
}

/** Rust: publishes and queries like TypeScript, and never reads. */
export class RustLibrary {
  private constructor(readonly socket: WebSocket) {}

  static async connect(url: string): Promise<RustLibrary> {
    const socket = await open(url);
    socket.pause();
    return new RustLibrary(socket);
  }

  publish(topic: string, payload: Buffer): void {
    this.socket.send(JSON.stringify({ type: 'publish', topic, payload: payload.toString('base64') }));
  }
}

/**
 * Go: a connection per call. Announces and closes immediately. Reads one answer in one read of 4096 bytes. Takes
 * addresses in hex.
 */
export class GoLibrary {
  constructor(private readonly url: string) {}

  async announce(topic: string, reachability: Buffer): Promise<void> {
    const socket = await open(this.url);
    socket.send(JSON.stringify({ type: 'announce', topic, addresses: [reachability.toString('hex')] }));
    socket.close();
  }

  /**
   * The addresses of the peers found. Drops addresses that are not hex. Throws if one read does not hold the answer.
   */
  async query(topic: string): Promise<Buffer[]> {
    const socket = await this.#upgrade();
    socket.write(clientFrame(0x81, JSON.stringify({ type: 'query', topic })));
    const read = await readOnce(socket);
    socket.destroy();

    const length = read[1] < 126 ? read[1] : read.readUInt16BE(2);
    const head = read[1] < 126 ? 2 : 4;
    const { peers = [] } = JSON.parse(read.subarray(head, head + length).toString()) as Answer;
    return peers.flatMap(({ addresses }) =>
      addresses.filter((address) => /^(?:[0-9a-f]{2})+$/i.test(address)).map((address) => Buffer.from(address, 'hex')),
    );
  }

  async #upgrade(): Promise<Socket> {
    const { hostname, port } = new URL(this.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${hostname}\r\nOrigin: ws://${hostname}/\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    let head = '';
    await until(
      () => head.endsWith('\r\n\r\n'),
      async () => {
        head += (await readOnce(socket)).toString('latin1');
      },
    );
    return socket;
  }
}

/** Resolves to the next chunk that a read of 4096 bytes gives. */
function readOnce(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const onReadable = (): void => {
      const chunk = socket.read(Math.min(4096, socket.readableLength)) as Buffer | null;
      if (chunk === null) return;
      socket.off('readable', onReadable);
      resolve(chunk);
    };
    socket.on('readable', onReadable);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

export interface PythonPeer {
  readonly peerId: Buffer;
  readonly addresses: readonly string[];
}

/**
 * Python: a connection per call. Waits for any answer to an announcement. Wants `peer_id` in hex of every peer found.
 */
export class PythonLibrary {
  constructor(
    private readonly url: string,
    readonly peerId: Buffer = randomBytes(32),
  ) {}

  /** The type of the message that came. If none comes, Python waits for 5 seconds. */
  async announce(topic: string, addresses: readonly string[]): Promise<string> {
    return (await this.#call({ type: 'announce', topic, peer_id: this.peerId.toString('hex'), addresses })).type;
  }

  async query(topic: string): Promise<PythonPeer[]> {
    const { peers = [] } = await this.#call({ type: 'query', topic });
    return peers.map(({ peer_id: peerId, addresses }) => {
      if (!/^(?:[0-9a-f]{2})*$/i.test(peerId)) throw new Error('non-hexadecimal number found in fromhex() arg');
      return { peerId: Buffer.from(peerId, 'hex'), addresses };
    });
  }

  async #call(message: object): Promise<Answer> {
    const socket = await open(this.url);
    const answered = new Promise<Answer>((resolve) => {
      socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString()) as Answer));
    });
    socket.send(JSON.stringify(message));
    const answer = await answered;
    socket.close();
    return answer;
  }
}
