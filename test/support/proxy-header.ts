/** A PROXY header of version 2: version and command, family, and the rest in hex. */
export function proxyHeaderV2(command: number, family: number, hex: string): Buffer {
  const rest = Buffer.from(hex, 'hex');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n'), Buffer.from([command, family]), length, rest]);
}
