import { Inject } from '@nestjs/common';
import { Permissions } from '../../../src/embedding.js';

/** Allows everything until somebody relays to the topic "withdraw": then the topic "secret" is nobody's any more. */
export class WithdrawingPolicy {
  #withdrawn = false;

  constructor(permissions) {
    this.permissions = permissions;
  }

  allows(principal, action, topic) {
    if (topic === 'withdraw') {
      this.#withdrawn = true;
      this.permissions.forget(principal);
    }
    return topic !== 'secret' || !this.#withdrawn;
  }
}
Inject(Permissions)(WithdrawingPolicy, undefined, 0);
