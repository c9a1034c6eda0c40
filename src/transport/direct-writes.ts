import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** Something that writes to a socket. */
export interface DirectWriter {
  readonly socket: Writable;
  /** Called once the system has taken what it did not take immediately, or the socket has failed. */
  wrote(): void;
}

/** Node's object for a write that the system did not take immediately. */
interface WriteRequest {
  /** Less than 0 while Node has not used it for a write. */
  getAsyncId(): number;
  oncomplete?: (status: number) => void;
  /** Keeps the memory until the system has taken it. */
  buffer?: Buffer;
}
type RequestClass = new () => WriteRequest;

/** Internals of a Node socket. */
interface Handle {
  /**
   * Returns 0, or the number of an error. Up to Node 24 it is given the object for the write. Since Node 26 it is given
   * null, and returns the object where one is needed.
   */
  writeBuffer: (request: WriteRequest | null, bytes: Buffer) => number | WriteRequest;
}

/**
 * Writes to sockets past their streams, which cost more than the rest of a write (docs/adr/0022). The system takes
 * almost every write immediately, and then needs no object for it, so all writes share one. Owns that object. Knows
 * nothing of frames.
 * Invariant: order is kept, because a socket is written to only while its stream has nothing to write, and what its
 * stream writes later comes behind in the same queue of the system.
 */
export class DirectWrites {
  /** The class of Node's object for a write; null where Node makes it; undefined until that is known. */
  #Request: RequestClass | null | undefined;
  #spare: WriteRequest | null = null;

  /**
   * Whether `write` may be called now. Never for TLS, whose handle takes one write at a time. Nor for the very first
   * write, which shows how Node writes.
   */
  takes(socket: Writable): boolean {
    const { constructor, writableLength } = socket;
    if (constructor !== Socket || writableLength > 0) return false;
    const handle = handleOf(socket);
    if (handle === null) return false;
    if (this.#Request === undefined) this.#watch(handle);
    return this.#Request !== undefined;
  }

  /**
   * Writes to the socket. Returns false if the system did not take everything; `wrote` is called when it has. Destroys a
   * socket that fails.
   */
  write(writer: DirectWriter, bytes: Buffer): boolean {
    const { socket } = writer;
    const handle = handleOf(socket)!;
    if (this.#Request) this.#spare ??= new this.#Request();
    const request = this.#spare;
    const result = handle.writeBuffer(request, bytes);
    if (typeof result === 'object') return this.#waits(writer, result, bytes);
    if (result !== 0) {
      this.#spare = null;
      socket.destroy();
      return true;
    }
    // Not whether something waits: Node tries twice, and the second time the system may take the rest.
    if (request === null || request.getAsyncId() < 0) return true;
    return this.#waits(writer, request, bytes);
  }

  #waits(writer: DirectWriter, request: WriteRequest, bytes: Buffer): false {
    this.#spare = null;
    request.buffer = bytes;
    request.oncomplete = (status) => {
      if (status < 0) writer.socket.destroy();
      writer.wrote();
    };
    return false;
  }

  /** Learns from the next write, which is that of a stream, what Node gives to `writeBuffer`. */
  #watch(handle: Handle): void {
    if (typeof handle.writeBuffer !== 'function') return;
    handle.writeBuffer = (request, bytes) => {
      if (request === null) this.#Request = null;
      else if (typeof request.getAsyncId === 'function') this.#Request = request.constructor as RequestClass;
      Reflect.deleteProperty(handle, 'writeBuffer');
      return handle.writeBuffer(request, bytes);
    };
  }
}

function handleOf(socket: Writable): Handle | null {
  return (socket as unknown as { readonly _handle: Handle | null })._handle;
}
