import type { LookupFunction } from 'node:net';
import type { Clock } from '../clock/clock.js';
import { TooLate, within } from '../clock/deadline.js';
import type { ClientCertificate } from './client-certificate.js';
import { Trouble } from './finding.js';
import type { Target } from './target.js';
import { printable, time } from './words.js';

/** One address that a name resolves to. */
export interface Address {
  readonly address: string;
  readonly family: number;
}

/** What the doctor is asked to examine. */
export interface Request {
  readonly target: Target;
  readonly token: string | undefined;
  /** PEM certificates of authorities to trust, besides those that Node trusts. */
  readonly ca: string | undefined;
  /** The certificate to show to a server that asks for one. */
  readonly certificate: ClientCertificate | undefined;
  /** The topic to use, a secret like the token; undefined for random topics. */
  readonly topic: string | undefined;
  /** The longest wait for any one answer, in milliseconds. */
  readonly timeout: number;
  /** Milliseconds that a silent connection must last; undefined to skip that examination. */
  readonly idle: number | undefined;
}

/** How the server answered the handshake, which showed the token if there is one. */
export type Admission = 'welcome' | 'unauthorized';

/**
 * The server that is examined. Owns the request, and what earlier examinations learned for later ones. Does not know
 * the examinations. Invariant: nothing that `quote` returns holds the token or the topic.
 */
export class Subject {
  /** All addresses of the host. */
  addresses: readonly Address[] = [];
  /** The addresses that accept TCP connections. */
  reachable: readonly Address[] = [];
  /** The subprotocols that the server says it has; empty if it does not say. */
  protocols: readonly string[] = [];
  admission: Admission | undefined;
  /** What the server said when it asked for a token or refused ours; printable. */
  refusal: string | undefined;

  constructor(
    readonly request: Request,
    readonly clock: Clock,
  ) {}

  /**
   * Waits for `work`, at most `timeout` milliseconds. After that, throws an Unanswered that names what did not come.
   */
  async within<T>(work: Promise<T>, what: string, timeout = this.request.timeout): Promise<T> {
    try {
      return await within(this.clock, timeout, work);
    } catch (error) {
      throw error instanceof TooLate ? new Unanswered(what, timeout) : error;
    }
  }

  /**
   * Makes what a server said printable, and cuts it after `most` characters. The server may have repeated what it was
   * sent, so this removes the topic and both spellings of the token.
   */
  quote(text: string, most?: number): string {
    return printable(
      this.#secrets().reduce((rest, { spelling, name }) => rest.replaceAll(spelling, name), text),
      most,
    );
  }

  /**
   * Takes a text that was not read to its end, and removes a beginning of a secret from its end. `quote` would not
   * recognise that.
   */
  withoutSecretAtEnd(text: string): string {
    const lengths = this.#secrets().map(({ spelling }) => lengthAtEnd(text, spelling));
    return text.slice(0, text.length - Math.max(0, ...lengths));
  }

  /** The secrets that only the server may see, each with its replacement. */
  #secrets(): readonly { readonly spelling: string; readonly name: string }[] {
    const { token, topic } = this.request;
    const spellings = token === undefined ? [] : [token, Buffer.from(token).toString('base64url')];
    return [
      ...spellings.map((spelling) => ({ spelling, name: '[token]' })),
      ...(topic === undefined ? [] : [{ spelling: topic, name: '[topic]' }]),
    ];
  }

  /**
   * A lookup that resolves the host to one reachable address, chosen by `index` in turn. So the doctor knows which
   * address it talked to.
   */
  lookup(index = 0): LookupFunction {
    const { reachable } = this;
    const { address, family } = reachable[index % reachable.length];
    return (_host, { all }, done) => {
      if (all === true) done(null, [{ address, family }]);
      else done(null, address, family);
    };
  }
}

/** Length of the longest proper prefix of `secret` that `text` ends with. */
function lengthAtEnd(text: string, secret: string): number {
  for (let length = Math.min(text.length, secret.length - 1); length > 0; length--) {
    if (text.endsWith(secret.slice(0, length))) return length;
  }
  return 0;
}

/** Nothing came within the timeout. */
export class Unanswered extends Trouble {
  constructor(what: string, timeout: number) {
    super(
      `${what} within ${time(timeout)}`,
      'Something on the way swallows it, or the server hangs: look at its log and at the proxy. ' +
        '--timeout allows more time.',
    );
  }
}
