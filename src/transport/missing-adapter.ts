import type { WebSocketAdapter } from '@nestjs/common';

/**
 * Stands where an application has set no WebSocket adapter: Nest would look for socket.io's, and end the process
 * without it. Owns whether it was needed, which CairnSignalModule makes a fault of the start.
 */
export class MissingAdapter implements WebSocketAdapter<object> {
  #needed = false;

  /** Whether a gateway was to be served. */
  get needed(): boolean {
    return this.#needed;
  }

  create(): object {
    this.#needed = true;
    return {};
  }

  bindClientConnect(): void {
    // Nobody will connect.
  }

  bindMessageHandlers(): void {
    // Nobody will say anything.
  }

  close(): void {
    // Nothing is open.
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
