/**
 * Returns the same frame, which throws if more than `most` bytes of it are looked at, or more than `mostPieces` pieces
 * are made.
 */
export function metered(frame: Buffer, most: number, mostPieces = Infinity): Buffer {
  let looks = 0;
  let pieces = 0;
  const look = (bytes: number): void => {
    looks += bytes;
    if (looks > most) throw new Error(`more than ${most} looks at the bytes of a frame of ${frame.length}`);
  };
  const piece = (bytes: number): void => {
    pieces += 1;
    if (pieces > mostPieces) throw new Error(`more than ${mostPieces} pieces of a frame of ${frame.length}`);
    look(bytes);
  };
  return new Proxy(frame, {
    get: (_frame, key) => {
      switch (key) {
        case 'length':
          return frame.length;
        case 'subarray':
          return (...range: [from?: number, to?: number]) => {
            const part = frame.subarray(...range);
            piece(part.length);
            return part;
          };
        case 'toString':
          return (encoding: BufferEncoding, ...range: [from?: number, to?: number]) => {
            piece(frame.subarray(...range).length);
            return frame.toString(encoding, ...range);
          };
        default:
          look(1);
          return Reflect.get(frame, key) as unknown;
      }
    },
  });
}
