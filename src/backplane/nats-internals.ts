import type { NatsConnection } from '@nats-io/transport-node';

/** What this file uses of the NATS client below its API: version 3.4.0, which package.json names exactly. */
interface Internals {
  readonly protocol: {
    readonly transport: { readonly socket?: { destroy(): void } };
  };
}

/**
 * Ends the connection at once. The client's own way first waits until everything is written, which takes for ever where
 * the other side takes nothing. The client then connects again.
 */
export function cut(connection: NatsConnection): void {
  (connection as unknown as Internals).protocol.transport.socket?.destroy();
}
