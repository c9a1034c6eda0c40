/**
 * Returns a peer's frame as it is on the wire. `initial` is its first byte: FIN, the reserved bits and the opcode. The
 * mask is zeros unless given.
 */
export function clientFrame(initial: number, payload: Buffer | string = '', mask?: readonly number[]): Buffer {
  const bytes = Buffer.from(payload as string);
  const { length } = bytes;
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x1_0000 ? 4 : 10);
  head[0] = initial;
  head[1] = 0x80 | (head.length === 2 ? length : head.length === 4 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeUInt32BE(length, 6);
  if (mask === undefined) return Buffer.concat([head, Buffer.alloc(4), bytes]);
  return Buffer.concat([head, Buffer.from(mask), bytes.map((byte, i) => byte ^ mask[i & 3])]);
}
