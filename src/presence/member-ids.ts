import { randomFillSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { MEMBER_BYTES } from '../protocol/member.js';
import type { MemberId } from '../protocol/member.js';

/** Ids made from one call of the random generator, whose price is mostly the call. */
const MADE_TOGETHER = 512;

/**
 * Makes member ids that nobody can guess (V3). Owns random bytes that no id has used yet.
 * Invariant: no byte is used twice.
 */
@Injectable()
export class MemberIds {
  readonly #random = Buffer.allocUnsafeSlow(MADE_TOGETHER * MEMBER_BYTES);
  #used = this.#random.length;

  next(): MemberId {
    if (this.#used === this.#random.length) {
      randomFillSync(this.#random);
      this.#used = 0;
    }
    const id = this.#random.toString('latin1', this.#used, this.#used + MEMBER_BYTES);
    this.#used += MEMBER_BYTES;
    return id;
  }
}
