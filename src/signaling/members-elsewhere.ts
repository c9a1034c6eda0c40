import { Injectable } from '@nestjs/common';
import type { MemberId } from '../protocol/member.js';

/** The members of other nodes (V12). There are none to know yet: each node is alone. */
@Injectable()
export class MembersElsewhere {
  /** Sets who takes an addressed Relay of another node. */
  onAddressed(_take: (topic: string, to: MemberId, message: Uint8Array, from: MemberId | undefined) => void): void {
    // No other node addresses anybody.
  }

  /** Fulfilled when the members of other nodes are known; undefined if they are. */
  known(_topic: string): Promise<void> | undefined {
    return undefined;
  }

  /** Sends a message to a member of another node. Returns whether there is one. */
  address(_topic: string, _to: MemberId, _message: Uint8Array, _from: MemberId | undefined): boolean {
    return false;
  }
}
