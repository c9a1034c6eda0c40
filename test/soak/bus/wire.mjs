import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * Passes bytes on to a port until it is cut, and lets nobody through until it heals: a partition. Others of its kind
 * pass them on in their own way.
 */
export class Wire {
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  #isCut = false;
  #server;

  /** @param {number} to */
  constructor(to) {
    this.#server = createServer((near) => {
      const far = connect(to, '127.0.0.1');
      for (const [from, into] of [
        [near, far],
        [far, near],
      ]) {
        this.#sockets.add(from);
        from.on('error', () => undefined);
        from.on('close', () => {
          this.#sockets.delete(from);
          this.ended(from, into);
        });
        this.carry(from, into);
      }
      if (this.#isCut) near.destroy();
    });
  }

  /** Resolves to its address, for nats-url. */
  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#server.unref();
    return `nats://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.#server.address()).port}`;
  }

  /**
   * What comes from one side goes to the other.
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} into
   */
  carry(from, into) {
    from.pipe(into);
  }

  /**
   * One side is gone.
   * @param {import('node:net').Socket} _from
   * @param {import('node:net').Socket} into
   */
  ended(_from, into) {
    into.destroy();
  }

  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal() {
    this.#isCut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}
