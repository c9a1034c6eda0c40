import type { Socket } from 'node:net';
import { Wire } from '../soak/bus/wire.mjs';

/**
 * A way to a NATS server that can hold what comes over its connections, as a frozen server does, and pass it on when
 * those who sent it have others. A process that is frozen may lose what it has not read; this loses nothing.
 */
export class HeldLink extends Wire {
  /** What waits on connections that are held, in its order. */
  readonly #waiting: (() => void)[] = [];
  readonly #open = new Set<Socket>();
  readonly #held = new Set<Socket>();
  #text = '';

  override carry(from: Socket, into: Socket): void {
    this.#open.add(from);
    from.on('data', (data: Buffer) => {
      if (this.#held.has(from)) this.#text += data.toString('latin1');
      this.#pass(from, () => into.write(data));
    });
  }

  override ended(from: Socket, into: Socket): void {
    this.#open.delete(from);
    this.#pass(from, () => into.end());
  }

  /** Holds the connections that there are. New ones are free. */
  hold(): void {
    for (const socket of this.#open) this.#held.add(socket);
  }

  /** How often this text is in what is held. */
  count(text: string): number {
    return this.#text.split(text).length - 1;
  }

  release(): void {
    this.#held.clear();
    for (const pass of this.#waiting.splice(0)) pass();
  }

  #pass(from: Socket, pass: () => void): void {
    if (this.#held.has(from)) this.#waiting.push(pass);
    else pass();
  }
}
