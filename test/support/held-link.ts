import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/**
 * A way to a NATS server that can hold what comes over its connections, as a frozen server does, and pass it on when
 * those who sent it have others. A process that is frozen may lose what it has not read; this loses nothing.
 */
export class HeldLink {
  /** What waits on connections that are held, in its order. */
  readonly #waiting: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<Socket>();
  readonly #server: Server;
  #text = '';

  constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect(to, '127.0.0.1');
      for (const [from, into] of [
        [near, far],
        [far, near],
      ]) {
        this.#sockets.add(from);
        from
          .on('error', () => undefined)
          .on('close', () => this.#pass(from, () => into.end()))
          .on('data', (data: Buffer) => {
            if (this.#held.has(from)) this.#text += data.toString('latin1');
            this.#pass(from, () => into.write(data));
          });
      }
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Holds the connections that there are. New ones are free. */
  hold(): void {
    for (const socket of this.#sockets) this.#held.add(socket);
  }

  /** How often this text is in what is held. */
  count(text: string): number {
    return this.#text.split(text).length - 1;
  }

  release(): void {
    this.#held.clear();
    for (const pass of this.#waiting.splice(0)) pass();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #pass(from: Socket, pass: () => void): void {
    if (this.#held.has(from)) this.#waiting.push(pass);
    else pass();
  }
}
