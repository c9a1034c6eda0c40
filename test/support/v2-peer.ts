import type { PeerOptions } from './peer.js';
import { cbor, Peer } from './peer.js';

/** The subprotocol. Written out: a test peer is independent of the server's own names. */
export const V2 = 'cairn-signal.v2';

/** An id of a request: from 2^32 on it is encoded as a 64-bit integer, as an honest peer does it. */
type Id = number | bigint;

/** What a peer sends. Whatever is undefined is left out. */
export type ToServer =
  | { Subscribe: { topic: string; id?: Id | undefined; presence?: boolean | undefined; data?: Uint8Array | undefined } }
  | { Unsubscribe: { topic: string; id?: Id | undefined } }
  | { Relay: { topic: string; payload: Uint8Array; id?: Id | undefined; to?: Uint8Array | undefined } }
  | { IceServers: { id?: Id | undefined } }
  | { Ping: { id?: Id | undefined } }
  | { Pong: { id?: Id | undefined } };

export interface MemberEntry {
  id: Buffer;
  data?: Buffer;
}

export interface Limits {
  message: number;
  topic: number;
  topics: number;
  rate: number;
  burst: number;
  data: number;
  members: number;
}

/** The fields of each message of the server. */
export interface Said {
  Welcome: {
    server: string;
    connection: string;
    address?: string;
    heartbeat: number;
    features: string[];
    limits: Limits;
  };
  Members: {
    topic: string;
    count: number;
    self?: Buffer;
    joined?: MemberEntry[];
    left?: Buffer[];
    partial?: true;
  };
  Relay: { topic: string; payload: Buffer; from?: Buffer; to?: true };
  Ack: { id: number; to?: number; partial?: true };
  Error: { id?: number; topic?: string; code: string; message: string; retry?: number };
  IceServers: { id: number; ttl: number; servers: { urls: string[]; username?: string; credential?: string }[] };
  Ping: { id?: number };
  Pong: { id?: number };
  Drain: { retry: number };
}
export type Kind = keyof Said;

/** A message of the server, as it is on the wire: one key, which names it. */
export type FromServer = { readonly [K in Kind]?: Said[K] };

/** The fields of each message in the order of the CDDL; "?" behind those that may be absent. */
const FIELDS: Readonly<Record<Kind, readonly string[]>> = {
  Welcome: ['server', 'connection', 'address?', 'heartbeat', 'features', 'limits'],
  Members: ['topic', 'count', 'self?', 'joined?', 'left?', 'partial?'],
  Relay: ['topic', 'payload', 'from?', 'to?'],
  Ack: ['id', 'to?', 'partial?'],
  Error: ['id?', 'topic?', 'code', 'message', 'retry?'],
  IceServers: ['id', 'ttl', 'servers'],
  Ping: ['id?'],
  Pong: ['id?'],
  Drain: ['retry'],
};
const LIMITS = ['message', 'topic', 'topics', 'rate', 'burst', 'data', 'members'];

/** Encodes what a peer says, with cbor-x, which would make floats of large integers. */
export function encode(message: ToServer): Buffer {
  return cbor.encode(withIntegers(message));
}

/** Reads what the server says. Throws if it is not in the form that the CDDL demands: fields, their order, short heads. */
export function decode(frame: Buffer): FromServer {
  const message = withNumbers(cbor.decode(frame)) as FromServer;
  const fault = faultOf(message, frame);
  if (fault !== undefined) throw new Error(`${fault}: ${frame.toString('hex')}`);
  return message;
}

function faultOf(message: FromServer, frame: Buffer): string | undefined {
  const [[kind, fields], ...more] = Object.entries(message) as [Kind, object][];
  if (more.length > 0 || !(kind in FIELDS)) return 'not one known message';
  if (!areFields(fields, FIELDS[kind])) return `${kind} has fields that are unknown, missing or in another order`;
  if (message.Welcome !== undefined && !areFields(message.Welcome.limits, LIMITS)) return 'limits has other fields';
  const entries = message.Members?.joined ?? [];
  if (!entries.every((entry) => areFields(entry, ['id', 'data?']))) return 'an entry of Members has other fields';
  const ids = [message.Members?.self, message.Relay?.from, ...entries.map(({ id }) => id)];
  const all = [...ids, ...(message.Members?.left ?? [])];
  if (!all.every((id) => id === undefined || (Buffer.isBuffer(id) && id.length === 8))) return 'no member id';
  return cbor.encode(withIntegers(message)).equals(frame) ? undefined : 'not in the shortest form';
}

/** Whether an object has exactly these keys, in this order, apart from optional ones. */
function areFields(object: object, fields: readonly string[]): boolean {
  const left = fields.values();
  for (const key of Object.keys(object)) {
    for (;;) {
      const { value: field, done } = left.next();
      if (done === true) return false;
      if (field.replace('?', '') === key) break;
      if (!field.endsWith('?')) return false;
    }
  }
  return [...left].every((field) => field.endsWith('?'));
}

/** A copy without what is undefined, and with large integers as BigInt. */
function withIntegers(value: unknown): unknown {
  if (Number.isInteger(value) && Math.abs(value as number) >= 2 ** 32) return BigInt(value as number);
  return inside(value, withIntegers);
}

/** A copy with numbers for the 64-bit integers that are safe. */
function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER) return Number(value);
  return inside(value, withNumbers);
}

function inside(value: unknown, change: (value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(change);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, change(field)]),
  );
}

/**
 * A peer that speaks cairn-signal.v2. Owns what it heard and nobody took. It answers the server's Ping as an honest
 * peer does; these are not heard, but counted. Invariant: a message that is not in the form of the CDDL is an error for
 * whoever takes it.
 */
export class V2Peer extends Peer {
  /** Whether it answers the server's Pings. When it does not, `hear` returns them. */
  answersPings = true;
  /** Pings of the server so far. */
  pingsHeard = 0;
  /** What the server said first (V1). */
  welcome!: Said['Welcome'];
  #ids = 0;

  constructor(...[socket, tcp]: ConstructorParameters<typeof Peer>) {
    super(socket, tcp);
    socket.on('message', (message: Buffer, isBinary) => {
      if (isBinary) this.#watch(message);
    });
  }

  /** Resolves when the server has said Welcome. Rejects if it did not select v2, or says anything else first. */
  static override async connect(url: string, options: PeerOptions = {}): Promise<V2Peer> {
    const peer = (await super.connect(url, { protocols: [V2], ...options })) as V2Peer;
    if (peer.socket.protocol !== V2) {
      peer.socket.terminate();
      throw new Error(`the server selected "${peer.socket.protocol}"`);
    }
    peer.welcome = await peer.take('Welcome');
    return peer;
  }

  #watch(message: Buffer): void {
    if (!isPing(message)) return;
    this.pingsHeard += 1;
    if (this.answersPings && this.isOpen) this.tell({ Pong: decode(message).Ping! });
  }

  /** Sends a message. Waits for nothing. */
  tell(message: ToServer): void {
    this.send(encode(message));
  }

  /** Resolves to the next message. Rejects when the connection ends first. */
  async hear(): Promise<FromServer> {
    for (;;) {
      const message = this.received.length > 0 ? await this.next() : await this.#nextOrEnd();
      if (!this.answersPings || !isPing(message)) return decode(message);
    }
  }

  /** Resolves to the fields of the next message. Rejects if it is of another kind. */
  async take<K extends Kind>(kind: K): Promise<Said[K]> {
    const message = await this.hear();
    const fields = message[kind];
    if (fields === undefined) throw new Error(`heard ${JSON.stringify(message)} where ${kind} was due`);
    return fields;
  }

  /**
   * Sends a request with an id of its own, and resolves to all that is heard up to its answer (V2), which is the last.
   */
  async ask(request: ToServer): Promise<FromServer[]> {
    const id = ++this.#ids;
    const [[kind, fields]] = Object.entries(request) as [string, object][];
    this.tell({ [kind]: { ...fields, id } } as unknown as ToServer);
    const heard: FromServer[] = [];
    for (;;) {
      const message = await this.hear();
      heard.push(message);
      if ([message.Ack, message.Error, message.Pong, message.IceServers].some((answer) => answer?.id === id)) {
        return heard;
      }
    }
  }

  /** The same, and resolves to the answer alone. What is heard before it is dropped. */
  async answer(request: ToServer): Promise<FromServer> {
    return (await this.ask(request)).at(-1)!;
  }

  /** Everything that is here, after a round trip. */
  async heard(): Promise<FromServer[]> {
    await this.sync();
    const messages = this.received.splice(0);
    return messages.filter((message) => !this.answersPings || !isPing(message)).map(decode);
  }

  /** Becomes a member that looks; resolves to the members it is told, with its own id unless presence is off. */
  async look(topic: string, data?: Uint8Array): Promise<Said['Members'] & { self: Buffer }> {
    const heard = await this.ask({ Subscribe: { topic, presence: true, data } });
    const members = heard.findLast((message) => message.Members?.topic === topic)?.Members;
    if (members === undefined) throw new Error(`no members, but ${JSON.stringify(heard)}`);
    return members as Said['Members'] & { self: Buffer };
  }

  #nextOrEnd(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const ended = (code: number, reason: Buffer): void =>
        reject(new Error(`closed with ${code} ${reason.toString()} where a message was due`));
      if (!this.isOpen && this.socket.readyState === this.socket.CLOSED) {
        void this.closed.then(({ code, reason }) => ended(code, Buffer.from(reason)));
      }
      this.socket.once('close', ended);
      void this.next().then((message) => {
        this.socket.off('close', ended);
        resolve(message);
      });
    });
  }
}

/** Whether a frame of the server is a Ping: `{ "Ping": { ... } }`. */
function isPing(frame: Buffer): boolean {
  return frame.length > 5 && frame.subarray(0, 6).equals(PING);
}
const PING = Buffer.from([0xa1, 0x64, ...Buffer.from('Ping')]);
