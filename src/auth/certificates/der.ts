/** One element of DER (ITU-T X.690). */
export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** The element with its tag and length. */
  readonly whole: Buffer;
}

/** Tags of the elements that certificates and revocation lists are read for. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/** The tag `[number]` of a structure, or of a plain value. */
export const inContext = (number: number): number => 0xa0 | number;
export const plainInContext = (number: number): number => 0x80 | number;

/** Bytes that are not DER, or another structure than expected. */
export class NotDer extends Error {
  override readonly name = 'NotDer';
}

/** Bytes of a length that still fits a file. */
const MOST_LENGTH_BYTES = 4;

/** Returns the element that begins at `offset`. Throws NotDer if none does, or if it is cut off. */
export function elementAt(bytes: Buffer, offset = 0): Element {
  const [tag, first] = [bytes[offset], bytes[offset + 1]];
  // The low five bits of a long tag are all set. Certificates have none.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new NotDer('no element');
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const size = first & 0x7f;
    if (size === 0 || size > MOST_LENGTH_BYTES || start + size > bytes.length) throw new NotDer('no length');
    length = bytes.readUIntBE(start, size);
    start += size;
  }
  const end = start + length;
  if (end > bytes.length) throw new NotDer('cut off');
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(offset, end) };
}

/** The elements of a structure, in their order. Throws NotDer where it is broken. */
export function* elementsIn(content: Buffer): Generator<Element, void> {
  for (let offset = 0; offset < content.length;) {
    const element = elementAt(content, offset);
    yield element;
    offset += element.whole.length;
  }
}

/** Returns the elements of a sequence. Throws NotDer if it is none. */
export function sequence(element: Element | undefined): Element[] {
  return [...elementsIn(expected(element, Tag.sequence).content)];
}

/** Returns an element that must have this tag. Throws NotDer if it has another. */
export function expected(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new NotDer(`no element of tag ${tag}`);
  return element;
}

/** An extension of a certificate or of a revocation list (RFC 5280, section 4.2). */
export interface Extension {
  /** The content of its object identifier, in hex. */
  readonly id: string;
  readonly critical: boolean;
  /** The DER inside. */
  readonly value: Buffer;
}

/** Returns the extensions in a `SEQUENCE OF Extension`. Throws NotDer if it is none. */
export function extensionsIn(list: Element | undefined): Extension[] {
  return sequence(list).map((extension) => {
    const parts = sequence(extension);
    return {
      id: expected(parts[0], Tag.objectIdentifier).content.toString('hex'),
      critical: parts.length > 2 && expected(parts[1], Tag.boolean).content[0] !== 0,
      value: expected(parts.at(-1), Tag.octetString).content,
    };
  });
}

/** Returns a time in milliseconds since the epoch (RFC 5280, section 4.1.2.5). Throws NotDer if it is none. */
export function timeOf({ tag, content }: Element): number {
  const text = content.toString('latin1');
  const year = tag === Tag.utcTime ? (Number(text.slice(0, 2)) < 50 ? '20' : '19') : '';
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(year + text);
  if (parts === null || (tag !== Tag.utcTime && tag !== Tag.generalizedTime)) throw new NotDer('no time');
  const [, years, month, day, hour, minute, second] = parts;
  const time = Date.parse(`${years}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new NotDer('no time');
  return time;
}
