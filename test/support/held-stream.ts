import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** A stream over a TCP connection that can hold what is written, and then send all of it at once. */
export class HeldStream extends Duplex {
  #held: Buffer[] | undefined;

  constructor(private readonly tcp: Socket) {
    super();
    tcp.on('data', (bytes: Buffer) => this.push(bytes));
    tcp.on('end', () => this.push(null));
    tcp.on('error', (error) => this.destroy(error));
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    this.tcp.write(Buffer.concat(this.#held!));
    this.#held = undefined;
  }

  override _read(): void {
    // Whatever comes is pushed.
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#held === undefined) this.tcp.write(bytes);
    else this.#held.push(bytes);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.tcp.destroy();
    done(error);
  }
}
