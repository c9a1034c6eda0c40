import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/**
 * A way to a NATS server that can hold what comes, as a frozen server does, and pass it on when those who sent it are
 * gone. A process that is frozen may lose what it has not read; this loses nothing.
 */
export class HeldLink {
  /** What waits, in its order. */
  readonly #held: (() => void)[] = [];
  readonly #sockets: Socket[] = [];
  readonly #server: Server;
  #isHolding = false;
  #bytes = '';

  constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect(to, '127.0.0.1');
      for (const [from, into] of [
        [near, far],
        [far, near],
      ]) {
        this.#sockets.push(from);
        from
          .on('error', () => undefined)
          .on('close', () => this.#pass(() => into.end()))
          .on('data', (data: Buffer) => {
            if (this.#isHolding) this.#bytes += data.toString('latin1');
            this.#pass(() => into.write(data));
          });
      }
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  hold(): void {
    this.#isHolding = true;
  }

  /** How often this text is in what is held. */
  count(text: string): number {
    return this.#bytes.split(text).length - 1;
  }

  release(): void {
    this.#isHolding = false;
    for (const pass of this.#held.splice(0)) pass();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #pass(pass: () => void): void {
    if (this.#isHolding) this.#held.push(pass);
    else pass();
  }
}
