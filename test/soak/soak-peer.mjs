import { randomBytes } from 'node:crypto';
import { Peer } from '../support/peer.mjs';
import { within } from './within.mjs';

export { payloadOf, relayMessage } from '../support/peer.mjs';

/** Time that the server may take for anything that a peer waits for. */
const ANSWER_MS = 15_000;

/** A topic that nobody else has. */
export const newTopic = () => randomBytes(32).toString('hex');

/** A peer whose every wait has a bound, and that can also end abruptly. */
export class SoakPeer extends Peer {
  /** Whether it ended the connection itself. */
  leaving = false;

  /** On a TCP connection that the soak opened. */
  static on(tcp) {
    return within(ANSWER_MS, 'a handshake', SoakPeer.connect('ws://127.0.0.1/', { createConnection: () => tcp }));
  }

  next() {
    return within(ANSWER_MS, 'a delivery', super.next());
  }

  sync() {
    return within(ANSWER_MS, 'a pong', super.sync());
  }

  close() {
    this.leaving = true;
    return within(ANSWER_MS, 'a closing handshake', super.close());
  }

  /** Disappears from one moment to the next: the system resets the connection, and drops what was under way. */
  cut() {
    this.leaving = true;
    if (!this.tcp.destroyed) this.tcp.resetAndDestroy();
  }
}
