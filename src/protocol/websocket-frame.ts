const FINAL_BINARY = 0x82;

/**
 * The server-to-peer WebSocket frame that carries `message` as one binary message (R8; RFC 6455, section 5.2): final,
 * unmasked, uncompressed. Built once and written to every subscriber. A message is at most 4 GiB long.
 */
export function binaryFrame(message: Uint8Array): Buffer {
  const length = message.length;
  const head = length < 126 ? 2 : length < 0x1_0000 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = FINAL_BINARY;
  if (head === 2) {
    frame[1] = length;
  } else if (head === 4) {
    frame[1] = 126;
    frame[2] = length >> 8;
    frame[3] = length;
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.set(message, head);
  return frame;
}
