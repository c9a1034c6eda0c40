import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { until } from './until.js';

/** A request that becomes a WebSocket. */
export const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** A TCP connection that sends exactly the bytes it is given. */
export class RawConnection {
  #answer = '';
  readonly ended: Promise<string>;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.#answer += text));
    socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      socket.on('close', () => resolve(this.#answer));
    });
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new RawConnection(socket)));
      socket.once('error', reject);
    });
  }

  /** An open WebSocket that answers nothing on its own: no close, no ping. */
  static async upgraded(port: number): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    connection.write(HANDSHAKE);
    await connection.heard('\r\n\r\n');
    return connection;
  }

  /** What was received so far. */
  get answer(): string {
    return this.#answer;
  }

  /** Resolves once `text` is in the answer. */
  async heard(text: string): Promise<void> {
    await until(
      () => this.#answer.includes(text),
      () => once(this.socket, 'data'),
    );
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }
}

/** Sends `request` and resolves to the whole answer once the server has closed the connection. */
export async function exchange(port: number, request: string | Uint8Array): Promise<string> {
  const connection = await RawConnection.open(port);
  connection.write(request);
  return connection.ended;
}
