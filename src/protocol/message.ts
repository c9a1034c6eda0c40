import { Encoder } from '#cbor-x';

/**
 * The three messages of the CBOR dialect (docs/protocol.md, section 1), as values. This module knows their canonical
 * encoding. The strict reader knows which other encodings are accepted.
 */
export type SignalMessage = Subscribe | Unsubscribe | Relay;

/** Makes the sender a subscriber of `topic`. */
export interface Subscribe {
  readonly kind: 'Subscribe';
  readonly topic: string;
}

/** Undoes Subscribe, however often it was sent. */
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

/** The canonical form of R4: definite lengths, shortest heads, no records, untagged byte strings. */
const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

/**
 * Encodes a message canonically (R4): one CBOR item, externally tagged, with the keys `topic` and `payload` in that
 * order.
 */
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

/**
 * Encodes what a JSON peer published as the Relay that CBOR subscribers get (J6). `payload` is base64.
 */
export function encodePublication(topic: string, payload: string): Buffer {
  return encodeMessage({ kind: 'Relay', topic, payload: Buffer.from(payload, 'base64') });
}
