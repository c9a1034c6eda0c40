/**
 * What a message costs its sender in tokens, besides the one that every message costs (L1). A token is worth about the
 * same work whatever it is spent on, so no peer can buy more of the event loop than its share.
 */

/**
 * Bytes that are not canonical which the strict reader reads for a token: about 50 us in the slowest form
 * (bench/codec.mjs).
 */
const READ_BYTES = 4096;
/**
 * Bytes of JSON that are read for a token: the slowest form takes four times as long as a usual one
 * (bench/rendezvous.mjs).
 */
const TEXT_BYTES = 16_384;
/** Bytes of other nodes' answers for a token: two nodes write and read them. */
const TOLD_BYTES = 16_384;
/** Bytes that are sent for a token. */
const SENT_BYTES = 65_536;
/** What a frame counts as at least: a write costs as much as so many bytes. */
const LEAST_FRAME_BYTES = 1024;

/** What a question for ICE servers costs in all (V11). */
export const CHARGE_OF_ICE_SERVERS = 10;

/** For a message of `bytes` that is not canonical (R4). */
export function chargeOfReading(bytes: number): number {
  return Math.floor(bytes / READ_BYTES);
}

/** For a JSON message of `bytes`. */
export function chargeOfText(bytes: number): number {
  return Math.floor(bytes / TEXT_BYTES);
}

/** For `bytes` that other nodes answered (N6). */
export function chargeOfTold(bytes: number): number {
  return Math.floor(bytes / TOLD_BYTES);
}

/** For `bytes` sent to each of so many connections. */
export function chargeOfSending(bytes: number, receivers: number): number {
  return Math.floor((Math.max(bytes, LEAST_FRAME_BYTES) * receivers) / SENT_BYTES);
}
