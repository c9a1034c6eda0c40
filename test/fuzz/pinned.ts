/** Cases that once failed. */
export interface Pinned {
  /** A sentence about what went wrong. */
  readonly why: string;
  /** The value that the property failed for, as its generator makes it. */
  readonly example: unknown;
}

/** Every property by name, so that their number is known, with the examples that it always runs first. */
const properties = {
  'the fast path and the strict reader agree on any frame': [],
  'a message is read in every spelling': [],
  'a request of cairn-signal.v2 is read in every spelling': [],
  'a request of cairn-signal.v2 is read as a plain reader reads it': [],
  'both readers read alike what peers without cairn-signal.v2 send': [],
  'the fast path for requests and the strict reader agree on any frame': [],
  'reading a frame takes work linear in its length': [],
  'a word of a node is read as it was encoded, or not at all': [],
  'a STUN message is read as it was encoded, or not at all, in whatever parts it comes': [],
  'any text is read as the JSON dialect defines it, or ignored': [],
  'every connection receives what the rules say, after any sequence': [
    {
      why: 'records that had expired but were not removed yet took the place of a live one on a full topic',
      example: [
        ...['b', 'c'].flatMap((topic) =>
          ['aa', 'bb', 'cc'].map((peerId) => ({ act: 'announce', who: 0, topic, peerId, addresses: ['x'] })),
        ),
        { act: 'publish', who: 0, topic: 'a', size: 3 },
        ...['aa', 'bb'].map((peerId) => ({ act: 'announce', who: 0, topic: 'a', peerId, addresses: ['x'] })),
        { act: 'wait', milliseconds: 1000 },
        { act: 'publish', who: 2, topic: 'a', size: 3 },
        { act: 'query', who: 4, topic: 'a' },
      ],
    },
  ],
  'whoever looks is told what is so, and no more often than V4 says': [],
  'any frames on a WebSocket leave the server serving': [],
  'any requests leave the server serving': [],
  'a real session with changed bytes leaves the server serving': [],
  'a JWT with changed characters gives nothing that the valid one does not': [
    { why: 'what had one part only was read as if it had two', example: 'eyJhbGciOiJFUzI1NiIsImtpZCI6ImtleSJ9' },
  ],
  'a signed JWT opens the server, or is told which claim is wrong': [],
} satisfies Record<string, readonly Pinned[]>;

export type PropertyName = keyof typeof properties;
export const PINNED: Readonly<Record<PropertyName, readonly Pinned[]>> = properties;
