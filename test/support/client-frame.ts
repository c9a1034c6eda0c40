import type { Peer } from './peer.js';

/** A peer's frame as it lies on the wire, with a mask of zeros. `initial` is its first byte: FIN, the reserved bits and the opcode. */
export function clientFrame(initial: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload as string);
  const length =
    bytes.length < 126
      ? [bytes.length]
      : bytes.length < 0x1_0000
        ? [126, bytes.length >> 8, bytes.length & 255]
        : [127, 0, 0, 0, 0, ...uint32(bytes.length)];
  return Buffer.concat([Buffer.from([initial, 0x80 | length[0], ...length.slice(1), 0, 0, 0, 0]), bytes]);
}

/** Sends bytes below the WebSocket of a peer, whose own closing handshake goes on working. */
export function writeRaw(peer: Peer, bytes: Buffer): void {
  (peer.socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(bytes);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
