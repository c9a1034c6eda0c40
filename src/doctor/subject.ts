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

/** What was asked for. */
export interface Request {
  readonly target: Target;
  readonly token: string | undefined;
  /** Authorities to trust besides those that Node brings along, PEM. */
  readonly ca: string | undefined;
  /** What is shown to a server that asks for a certificate. */
  readonly certificate: ClientCertificate | undefined;
  /** The topic to use, a secret like the token; undefined for random ones. */
  readonly topic: string | undefined;
  /** The longest wait for any one answer, in milliseconds. */
  readonly timeout: number;
  /** How long a silent connection must last, in milliseconds; undefined not to try. */
  readonly idle: number | undefined;
}

/** How the server took a handshake that showed the token, if there is one. */
export type Admission = 'welcome' | 'unauthorized';

/** What is examined: what was asked for, and what earlier examinations learned, which later ones build upon. */
export class Subject {
  /** All addresses of the host. */
  addresses: readonly Address[] = [];
  /** Those of them that take TCP connections. */
  reachable: readonly Address[] = [];
  admission: Admission | undefined;
  /** What the server said when it asked for a token, or refused ours; printable. */
  refusal: string | undefined;

  constructor(
    readonly request: Request,
    readonly clock: Clock,
  ) {}

  /** What `work` gives; a Trouble that says what did not come when that takes longer than the time-out, in milliseconds. */
  async within<T>(work: Promise<T>, what: string, timeout = this.request.timeout): Promise<T> {
    try {
      return await within(this.clock, timeout, work);
    } catch (error) {
      throw error instanceof TooLate ? new Unanswered(what, timeout) : error;
    }
  }

  /** What a server said, printable, cut behind `most` characters. It may have repeated what it was sent, so the token, in both its spellings, and the topic are taken out. */
  quote(text: string, most?: number): string {
    return printable(
      this.#secrets().reduce((rest, { spelling, name }) => rest.replaceAll(spelling, name), text),
      most,
    );
  }

  /** A text of a server's that was not read to its end: less the part of a secret that it may end in, which `quote` would not know. */
  withoutSecretAtEnd(text: string): string {
    const lengths = this.#secrets().map(({ spelling }) => lengthAtEnd(text, spelling));
    return text.slice(0, text.length - Math.max(0, ...lengths));
  }

  /** What the server is shown and nobody else is, with what stands in its place. */
  #secrets(): readonly { readonly spelling: string; readonly name: string }[] {
    const { token, topic } = this.request;
    const spellings = token === undefined ? [] : [token, Buffer.from(token).toString('base64url')];
    return [
      ...spellings.map((spelling) => ({ spelling, name: '[token]' })),
      ...(topic === undefined ? [] : [{ spelling: topic, name: '[topic]' }]),
    ];
  }

  /** Resolves the host to one reachable address, the `index`th of them in turn, so that it is known what was talked to. */
  lookup(index = 0): LookupFunction {
    const { reachable } = this;
    const { address, family } = reachable[index % reachable.length];
    return (_host, { all }, done) => {
      if (all === true) done(null, [{ address, family }]);
      else done(null, address, family);
    };
  }
}

/** How many of the first characters of `secret`, but not all, `text` ends in. */
function lengthAtEnd(text: string, secret: string): number {
  for (let length = Math.min(text.length, secret.length - 1); length > 0; length--) {
    if (text.endsWith(secret.slice(0, length))) return length;
  }
  return 0;
}

/** Nothing came within the time-out. */
export class Unanswered extends Trouble {
  constructor(what: string, timeout: number) {
    super(
      `${what} within ${time(timeout)}`,
      'Something on the way swallows it, or the server hangs: look at its log and at the proxy; --timeout allows for more time.',
    );
  }
}
