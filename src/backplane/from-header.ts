import { headers as makeHeaders } from '@nats-io/transport-node';
import type { Msg, MsgHdrs } from '@nats-io/transport-node';
import type { MemberId } from '../protocol/member.js';

/** Names the member that a Relay comes from, beside its canonical bytes. Older nodes do not look for it. */
const FROM = 'Cairn-From';
const HEX = /^[0-9a-f]{16}$/i;
/** Bytes that the header takes in a message, with those around it. */
export const FROM_HEADER_BYTES = `NATS/1.0\r\n${FROM}: ${'0'.repeat(16)}\r\n\r\n`.length;

/** Returns the headers of a Relay that comes from a member. */
export function fromHeaders(from: MemberId): MsgHdrs {
  const headers = makeHeaders();
  headers.set(FROM, Buffer.from(from, 'latin1').toString('hex'));
  return headers;
}

/** Returns the member that a Relay of another node comes from; undefined if it names none, or not in 16 hex digits. */
export function fromOf(message: Msg): MemberId | undefined {
  try {
    const from = message.headers?.get(FROM);
    return from !== undefined && HEX.test(from) ? Buffer.from(from, 'hex').toString('latin1') : undefined;
  } catch {
    // Headers that the client cannot read, from somebody else.
    return undefined;
  }
}
