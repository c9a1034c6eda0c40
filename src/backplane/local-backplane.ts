import { Backplane } from './backplane.js';

/** The backplane of a single node: there is nobody to send to or to ask. */
export class LocalBackplane extends Backplane {
  readonly state = 'off';

  listen(): void {
    // Nothing arrives.
  }

  onRecovery(): void {
    // There is nothing to recover from.
  }

  respond(): void {
    // No node asks.
  }

  subscribe(): undefined {
    return undefined;
  }

  unsubscribe(): void {
    // Nothing was subscribed to.
  }

  publish(): void {
    // There is no other node.
  }

  tell(): boolean {
    return false;
  }

  hear(): void {
    // No node says anything.
  }

  offer(): undefined {
    return undefined;
  }

  withdraw(): void {
    // Nothing was offered.
  }

  ask(): undefined {
    return undefined;
  }

  obey(): void {
    // No node orders.
  }

  order(): Promise<readonly Uint8Array[]> {
    return Promise.resolve([]);
  }
}
