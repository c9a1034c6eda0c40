import { randomBytes } from 'node:crypto';
import {
  addressIn,
  ATTRIBUTE,
  CLASS,
  encodeStun,
  errorCodeIn,
  longTermKey,
  METHOD,
  xorAddressIn,
} from './stun-message.js';
import type { Endpoint, StunMessage } from './stun-message.js';
import type { Wire } from './wire.js';

/** First pause before a request is repeated over UDP; each pause is twice as long as the one before (RFC 8489, 6.2.1). */
const FIRST_PAUSE_MS = 500;
const UDP = 17;

export interface TurnCredentials {
  readonly username: string;
  readonly credential: string;
}

/** A relayed address that a TURN server has opened for this client. */
export interface Allocation {
  readonly relayed: Endpoint;
  /** Where the server sees this client; undefined if it does not say. */
  readonly mapped: Endpoint | undefined;
  /** Seconds until it ends. */
  readonly lifetime: number | undefined;
  /** Whether the server asked for credentials. */
  readonly authenticated: boolean;
  /** Gives it back (RFC 8656, section 8), so that it counts against no quota. Resolves once the server has answered. */
  release(): Promise<void>;
}

/** The server refused a request. */
export class TurnRefused extends Error {
  override readonly name = 'TurnRefused';

  constructor(
    /** The error code, such as 401. */
    readonly code: number,
    /** Whether credentials had been shown. */
    readonly authenticated: boolean,
    /** Where the server sends its clients instead (300). */
    readonly alternate?: Endpoint,
  ) {
    super(`refused with ${code}`);
  }
}

/** What the server answered makes no sense. */
export class TurnNonsense extends Error {
  override readonly name = 'TurnNonsense';
}

type Attributes = readonly (readonly [type: number, value: Buffer])[];

interface Question {
  readonly method: number;
  readonly transaction: Buffer;
  readonly answered: (message: StunMessage) => void;
  readonly failed: (error: Error) => void;
}

/** What a server wants to see in each request after its first refusal. */
interface Challenge {
  readonly realm: Buffer;
  readonly nonce: Buffer;
}

/**
 * Asks one STUN or TURN server, one question at a time. Owns its wire, and the allocation that it was given. Does not
 * know the time: whoever asks decides how long to wait, and then closes it. Invariant: after close nothing is sent.
 */
export class TurnClient {
  /** Messages that came and answer nothing that was asked. */
  strays = 0;
  #question: Question | undefined;
  #failure: Error | undefined;
  #repeat: NodeJS.Timeout | undefined;

  constructor(private readonly wire: Wire) {
    wire.reader = {
      came: (message) => this.#take(message),
      failed: (error) => this.#fail(error),
    };
  }

  /**
   * Asks where the server sees this client (RFC 8489, section 12). Rejects with TurnRefused, TurnNonsense or the wire's
   * error.
   */
  async bind(): Promise<Endpoint> {
    const answer = await this.#ask(METHOD.binding, []);
    if (answer.kind === CLASS.error) throw refusal(answer, false);
    const mapped = mappedIn(answer);
    if (mapped === undefined) throw new TurnNonsense('a Binding without an address');
    return mapped;
  }

  /**
   * Asks for a relayed UDP address (RFC 8656, section 7). Rejects with TurnRefused, TurnNonsense or the wire's error.
   */
  async allocate(credentials: TurnCredentials): Promise<Allocation> {
    const wanted = [[ATTRIBUTE.requestedTransport, Buffer.from([UDP, 0, 0, 0])]] as const;
    const first = await this.#ask(METHOD.allocate, wanted);
    if (first.kind === CLASS.success) return this.#allocation(first, []);
    let challenge = challengeIn(first);
    if (errorCodeIn(first) !== 401 || challenge === undefined) throw refusal(first, false);
    // RFC 8489, section 9.2.5: a nonce may have ended meanwhile (438), and the answer brings another one.
    for (let attempt = 1; ; attempt++) {
      const { realm, nonce } = challenge;
      const key = longTermKey(credentials.username, realm, credentials.credential);
      const shown = [
        [ATTRIBUTE.username, Buffer.from(credentials.username)],
        [ATTRIBUTE.realm, realm],
        [ATTRIBUTE.nonce, nonce],
      ] as const;
      const answer = await this.#ask(METHOD.allocate, [...wanted, ...shown], key);
      if (answer.kind === CLASS.success) {
        if (!answer.signedWith(key)) throw new TurnNonsense('an allocation that the secret has not signed');
        return this.#allocation(answer, shown, key);
      }
      challenge = challengeIn(answer);
      if (errorCodeIn(answer) !== 438 || challenge === undefined || attempt === 2) throw refusal(answer, true);
    }
  }

  close(): void {
    this.#fail(new Error('closed'));
    this.wire.close();
  }

  #allocation(answer: StunMessage, shown: Attributes, key?: Buffer): Allocation {
    const relayed = xorAddressIn(answer, ATTRIBUTE.xorRelayedAddress);
    if (relayed === undefined) throw new TurnNonsense('an allocation without a relayed address');
    const lifetime = answer.attributes.get(ATTRIBUTE.lifetime);
    return {
      relayed,
      mapped: mappedIn(answer),
      lifetime: lifetime?.length === 4 ? lifetime.readUInt32BE() : undefined,
      authenticated: key !== undefined,
      release: async () => {
        await this.#ask(METHOD.refresh, [[ATTRIBUTE.lifetime, Buffer.alloc(4)], ...shown], key);
      },
    };
  }

  #ask(method: number, attributes: Attributes, key?: Buffer): Promise<StunMessage> {
    const transaction = randomBytes(12);
    const message = encodeStun({ method, kind: CLASS.request, transaction, attributes }, key);
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#question = { method, transaction, answered: resolve, failed: reject };
      this.wire.send(message);
      if (!this.wire.reliable) this.#repeatAfter(FIRST_PAUSE_MS, message);
    });
  }

  #repeatAfter(pause: number, message: Buffer): void {
    this.#repeat = setTimeout(() => {
      this.wire.send(message);
      this.#repeatAfter(pause * 2, message);
    }, pause);
  }

  #take(message: StunMessage | undefined): void {
    const question = this.#question;
    const isAnswer =
      message !== undefined &&
      question !== undefined &&
      message.transaction.equals(question.transaction) &&
      message.method === question.method &&
      (message.kind === CLASS.success || message.kind === CLASS.error);
    if (!isAnswer) {
      this.strays += 1;
      return;
    }
    this.#done();
    question.answered(message);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const question = this.#question;
    this.#done();
    question?.failed(error);
  }

  #done(): void {
    clearTimeout(this.#repeat);
    this.#question = undefined;
  }
}

/** The address that a server sees. Servers before RFC 5389 give it in the clear. */
function mappedIn(answer: StunMessage): Endpoint | undefined {
  return xorAddressIn(answer, ATTRIBUTE.xorMappedAddress) ?? addressIn(answer, ATTRIBUTE.mappedAddress);
}

function challengeIn({ attributes }: StunMessage): Challenge | undefined {
  const [realm, nonce] = [attributes.get(ATTRIBUTE.realm), attributes.get(ATTRIBUTE.nonce)];
  return realm === undefined || nonce === undefined ? undefined : { realm, nonce };
}

function refusal(answer: StunMessage, authenticated: boolean): Error {
  const code = errorCodeIn(answer);
  if (code === undefined) return new TurnNonsense('a refusal without a code');
  return new TurnRefused(code, authenticated, addressIn(answer, ATTRIBUTE.alternateServer));
}
