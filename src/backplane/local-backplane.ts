import { Backplane } from './backplane.js';

/** The bus of a node that is alone: there is nobody to send to. */
export class LocalBackplane extends Backplane {
  readonly state = 'off';

  listen(): void {
    // Nothing comes.
  }

  respond(): void {
    // Nobody asks.
  }

  subscribe(): undefined {
    return undefined;
  }

  unsubscribe(): void {
    // Nothing was subscribed to.
  }

  publish(): void {
    // Nobody is there.
  }

  offer(): void {
    // Nobody asks.
  }

  withdraw(): void {
    // Nobody asked.
  }

  ask(): undefined {
    return undefined;
  }
}
