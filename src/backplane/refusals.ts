import { errors } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { Log } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';

/** Milliseconds between two lines about the same refusal. */
const LOG_INTERVAL_MS = 60_000;

/** What NATS answers to a subscription beyond its `max_subscriptions`, or beyond its account's. */
const TOO_MANY = 'NATS accepts no more subscriptions from this node (its max_subscriptions)';

/**
 * Knows what NATS refuses this node on the current connection. Owns the sentences about it, and how often they are
 * logged. Knows nothing of connections.
 * Invariant: every refusal is counted. Each kind of refusal is logged at most once a minute. No sentence holds a
 * subject.
 */
export class Refusals {
  /** Sentences about what is refused now. There are as many as kinds of refusals: fewer than ten. */
  readonly #standing = new Set<string>();
  readonly #logs = new Map<string, ThrottledLog<'backplane'>>();

  constructor(
    private readonly prefix: string,
    private readonly counts: BackplaneCounts,
    private readonly clock: Clock,
    private readonly log: Log<'backplane'>,
  ) {}

  /** What NATS refuses now, in a sentence; undefined for nothing. */
  get trouble(): string | undefined {
    return this.#standing.size === 0 ? undefined : [...this.#standing].join('; ');
  }

  /** Whether NATS said that there are too many subscriptions. */
  get full(): boolean {
    return this.#standing.has(TOO_MANY);
  }

  /** Whether NATS denies something about one kind of subjects. */
  denies(kind: string): boolean {
    return [...this.#standing].some((sentence) => sentence.includes(` below ${this.prefix}.${kind},`));
  }

  /** Number of subscriptions that were too many, on all connections. */
  refused = 0;

  /** Takes an error that NATS sent over a connection that is up. */
  heard(error: Error): void {
    const sentence = this.#sentenceFor(error);
    if (sentence === TOO_MANY) this.refused += 1;
    if (sentence !== undefined) this.#standing.add(sentence);
    this.count(sentence ?? `NATS reports an error: ${withoutSubjects(error.message)}`, error);
  }

  /** Counts a failure, and logs it unless it was logged within the last minute. */
  count(sentence: string, error: Error): void {
    this.counts.failed += 1;
    let log = this.#logs.get(sentence);
    if (log === undefined) {
      // The text of NATS is bounded in kinds, but it is not ours.
      if (this.#logs.size >= 32) this.#logs.clear();
      log = new ThrottledLog(this.log, this.clock, LOG_INTERVAL_MS);
      this.#logs.set(sentence, log);
    }
    log.write('bus_failed', { error: error.name }, { what: sentence });
  }

  /** There is room for subscriptions again. */
  fits(): void {
    this.#standing.delete(TOO_MANY);
  }

  /** A new connection may be allowed more. */
  forget(): void {
    this.#standing.clear();
  }

  /** Returns what is refused from now on; undefined for an error that leaves the service whole. */
  #sentenceFor(error: Error): string | undefined {
    if (error instanceof errors.PermissionViolationError) {
      const area = this.#areaOf(error.subject);
      if (area === undefined) return undefined;
      const what = error.operation === 'publish' ? 'a publication' : 'a subscription';
      return `NATS denies this node ${what} below ${area}, which its permissions there must cover`;
    }
    return /maximum subscriptions exceeded/i.test(error.message) ? TOO_MANY : undefined;
  }

  /** Returns the part of the subjects that a node uses; undefined for a subject that a stranger made up. */
  #areaOf(subject: string): string | undefined {
    if (subject.startsWith('_INBOX.')) return '_INBOX';
    if (!subject.startsWith(`${this.prefix}.`)) return undefined;
    return `${this.prefix}.${subject.slice(this.prefix.length + 1).split('.', 1)[0]}`;
  }
}

/** Leaves out what NATS quotes: a subject or a name. */
function withoutSubjects(text: string): string {
  const parts = text.split('"').map((part, i) => (i % 2 === 0 ? part : '...'));
  return parts.join('"').slice(0, 200);
}
