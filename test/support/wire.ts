import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Passes bytes on to a port until it is cut, and lets nobody in until it heals: a partition. */
export class Wire {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #cut = false;

  constructor(to: number) {
    this.#server = createServer((one) => {
      const other = connect(to, '127.0.0.1');
      for (const [from, into] of [
        [one, other],
        [other, one],
      ]) {
        this.#sockets.add(from);
        from
          .on('error', () => undefined)
          .on('close', () => {
            this.#sockets.delete(from);
            into.destroy();
          });
        from.pipe(into);
      }
      if (this.#cut) one.destroy();
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#cut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
