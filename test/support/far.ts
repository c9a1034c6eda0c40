import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Passes bytes on after a while: a NATS that is far away. */
export class Far {
  readonly #sockets: Socket[] = [];
  readonly #server: Server;

  /** `delay` is one way, in milliseconds. */
  constructor(to: number, delay: number) {
    this.#server = createServer((one) => {
      const other = connect(to, '127.0.0.1');
      for (const [from, into] of [
        [one, other],
        [other, one],
      ]) {
        this.#sockets.push(from);
        from.on('error', () => undefined).on('close', () => into.destroy());
        from.on('data', (data) => void setTimeout(() => into.write(data), delay));
      }
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
