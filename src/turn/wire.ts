import { createSocket } from 'node:dgram';
import type { Duplex } from 'node:stream';
import { HEADER_BYTES, readStun, stunLength } from './stun-message.js';
import type { StunMessage } from './stun-message.js';

/** Longest message to read. An honest one is far shorter: realm and nonce have at most 763 bytes each. */
const MOST_BYTES = 4096;

/** What uses a wire. */
export interface Reader {
  /** A message came; undefined if it is not STUN. */
  came(message: StunMessage | undefined): void;
  /** Nothing comes any more. */
  failed(error: Error): void;
}

/** The way to one STUN or TURN server, which takes and gives whole messages. */
export interface Wire {
  /** Whether what is sent arrives, or the wire fails. If not, requests are repeated. */
  readonly reliable: boolean;
  reader: Reader | undefined;
  send(message: Buffer): void;
  close(): void;
}

/** A stream ended, or what came is not STUN. */
export class WireEnded extends Error {
  override readonly name = 'WireEnded';

  constructor(readonly garbled: boolean) {
    super(garbled ? 'the answer is not STUN' : 'the connection ended');
  }
}

/** UDP to this address alone. Rejects with the socket's error. */
export async function udpWire(address: string, family: number, port: number): Promise<Wire> {
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  const wire: Wire = {
    reliable: false,
    reader: undefined,
    // A refusal by ICMP comes as an error of a later call; it has been told by then.
    send: (message) => socket.send(message, (error) => error !== null && wire.reader?.failed(error)),
    close: () => socket.close(),
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, address, (error?: Error) => (error === undefined ? resolve() : reject(error)));
  }).catch((error: unknown) => {
    socket.close();
    throw error;
  });
  socket.removeAllListeners('error');
  socket.on('error', (error) => wire.reader?.failed(error));
  socket.on('message', (bytes) => wire.reader?.came(bytes.length > MOST_BYTES ? undefined : readStun(bytes)));
  return wire;
}

/** A connected TCP or TLS socket (RFC 8489, section 6.2.2). Owns the socket. */
export function streamWire(socket: Duplex): Wire {
  let unread: Buffer = Buffer.alloc(0);
  const wire: Wire = {
    reliable: true,
    reader: undefined,
    send: (message) => socket.write(message),
    close: () => socket.destroy(),
  };
  const fail = (error: Error): void => {
    socket.destroy();
    wire.reader?.failed(error);
  };
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= HEADER_BYTES) {
      const length = stunLength(unread);
      if (length === undefined || length > MOST_BYTES) return fail(new WireEnded(true));
      if (unread.length < length) return;
      const message = readStun(unread.subarray(0, length));
      unread = unread.subarray(length);
      wire.reader?.came(message);
    }
    // What can become no message is told before the rest of a header comes.
    if (unread.length > 0 && unread[0] >= 0x40) fail(new WireEnded(true));
  });
  socket.on('error', fail);
  socket.once('close', () => wire.reader?.failed(new WireEnded(false)));
  return wire;
}
