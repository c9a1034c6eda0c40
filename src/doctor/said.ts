import { Encoder } from '#cbor-x';

/**
 * What a server of cairn-signal.v2 said (docs/protocol.md, section 12): the name of the message, and its fields as they
 * came. None of them is sure to have the right type.
 */
export interface Said {
  readonly kind: 'Said';
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const cbor = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

/** Encodes a request of cairn-signal.v2. */
export function encodeRequest(name: string, fields: object): Buffer {
  return cbor.encode({ [name]: fields });
}

/** Reads a frame of a server; undefined if it is no message. */
export function readSaid(frame: Buffer): Said | undefined {
  try {
    const [[name, fields], ...more] = Object.entries(cbor.decode(frame) as Record<string, Said['fields']>);
    return more.length === 0 && isObject(fields) ? { kind: 'Said', name, fields } : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
