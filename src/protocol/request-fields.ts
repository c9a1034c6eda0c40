import type { Request } from './request.js';

/** A field of what peers send. Each has one type, whatever the message. */
export type FieldName = 'topic' | 'payload' | 'id' | 'presence' | 'data' | 'to';

/** One message that peers may send. */
interface RequestForm {
  readonly kind: Request['kind'];
  /** Whether peers without cairn-signal.v2 may send it. They know its required fields only. */
  readonly v1: boolean;
  readonly required: readonly FieldName[];
  readonly optional: readonly FieldName[];
}

/**
 * What peers may send (docs/protocol.md, sections 1 and 12), with the fields in the order of the CDDL: the only table of
 * the readers of both protocols.
 */
export const REQUESTS: readonly RequestForm[] = [
  { kind: 'Subscribe', v1: true, required: ['topic'], optional: ['id', 'presence', 'data'] },
  { kind: 'Unsubscribe', v1: true, required: ['topic'], optional: ['id'] },
  { kind: 'Relay', v1: true, required: ['topic', 'payload'], optional: ['id', 'to'] },
  { kind: 'IceServers', v1: false, required: ['id'], optional: [] },
  { kind: 'Ping', v1: false, required: [], optional: ['id'] },
  { kind: 'Pong', v1: false, required: [], optional: ['id'] },
];
