import { Encoder } from 'cbor-x';

/**
 * The three messages of the CBOR dialect (docs/protocol.md, section 1), as values.
 * Knows their canonical encoding; how leniently they may arrive is the strict reader's business.
 */
export type SignalMessage = Subscribe | Unsubscribe | Relay;

/** Makes the sender a subscriber of `topic`. */
export interface Subscribe {
  readonly kind: 'Subscribe';
  readonly topic: string;
}

/** Undoes one Subscribe, however often it was sent. */
export interface Unsubscribe {
  readonly kind: 'Unsubscribe';
  readonly topic: string;
}

/** Carries `payload`, opaque bytes, to the other subscribers of `topic`. */
export interface Relay {
  readonly kind: 'Relay';
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Definite lengths, shortest heads, no records, byte strings untagged: what R4 calls canonical. */
const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

/** The canonical encoding of a message (R4): one CBOR item, externally tagged, keys `topic` then `payload`. */
export function encodeMessage(message: SignalMessage): Buffer {
  switch (message.kind) {
    case 'Subscribe':
      return encoder.encode({ Subscribe: { topic: message.topic } });
    case 'Unsubscribe':
      return encoder.encode({ Unsubscribe: { topic: message.topic } });
    case 'Relay':
      return encoder.encode({ Relay: { topic: message.topic, payload: message.payload } });
  }
}
