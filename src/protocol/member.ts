/**
 * Names one subscription of one connection to the members of its topic (V3): 8 random bytes that the server made, as a
 * text of 8 characters, each of them one byte. A text is a cheap key; on the wire it is a byte string.
 */
export type MemberId = string;

/** Bytes of a member id. */
export const MEMBER_BYTES = 8;
