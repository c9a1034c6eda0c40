/** The limits of the server (docs/protocol.md); 0 for none. */
export interface Limits {
  /** Bytes of a message on the wire. */
  readonly message: number;
  /** Bytes of the name of a topic. */
  readonly topic: number;
  /** Topics of a connection. */
  readonly topics: number;
  /** Messages a second that a connection may send. */
  readonly rate: number;
  /** Messages that it may send at once, after a pause. */
  readonly burst: number;
  /** Bytes of a member's data. */
  readonly data: number;
  /** Members of a topic that are told one by one; of more, only the count. */
  readonly members: number;
}

/** How the server introduces itself: its first message to a peer of v2. */
export interface Welcome {
  /** Name and version of the server. */
  readonly server: string;
  /** What the server's log calls this connection, to be quoted to its operator. */
  readonly connection: string;
  /** The address from which the server sees this peer. */
  readonly address?: string;
  /** Milliseconds of silence after which the server pings. */
  readonly heartbeat: number;
  /** What the server has besides, such as `ice`. */
  readonly features: readonly string[];
  /** What it lets this peer do. */
  readonly limits: Limits;
}

export interface WireMember {
  readonly id: Uint8Array;
  readonly data?: Uint8Array;
}

/** What the server sends, by variant (docs/protocol.md). What is used of it is checked where it is used. */
export interface Messages {
  Welcome: Welcome;
  Members: {
    readonly topic: string;
    readonly count: number;
    readonly self?: Uint8Array;
    readonly joined?: readonly WireMember[];
    readonly left?: readonly Uint8Array[];
  };
  Relay: { readonly topic: string; readonly payload: Uint8Array; readonly from?: Uint8Array; readonly to?: boolean };
  Ack: { readonly id: number; readonly to?: number };
  Error: {
    readonly id?: number;
    readonly topic?: string;
    readonly code: string;
    readonly message: string;
    readonly retry?: number;
  };
  IceServers: { readonly id: number; readonly ttl: number; readonly servers: RTCIceServer[] };
  Ping: { readonly id?: number };
  Pong: { readonly id?: number };
  Drain: { readonly retry: number };
}

/** A message of the server: one of the variants. A variant that this client does not know is none of its concern. */
export type Message = { [Kind in keyof Messages]: readonly [Kind, Messages[Kind]] }[keyof Messages];
