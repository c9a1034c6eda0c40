import type { Socket } from 'node:net';
import { Wire } from '../soak/bus/wire.mjs';

/** Passes bytes on after a while: a NATS that is far away. */
export class Far extends Wire {
  /** `delay` is one way, in milliseconds. */
  constructor(
    to: number,
    private readonly delay: number,
  ) {
    super(to);
  }

  override carry(from: Socket, into: Socket): void {
    from.on('data', (data) => void setTimeout(() => into.write(data), this.delay));
  }
}
