import type { RefusalReason } from '../protocol/refusal-reasons.js';

/** Why a peer is not let in, as HTTP says it. */
export interface Refusal {
  readonly status: number;
  readonly reason: RefusalReason;
  /** One plain sentence; never holds what the peer sent. */
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}
