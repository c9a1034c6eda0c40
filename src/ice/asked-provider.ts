import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { lastValue } from '../auth/last-value.js';
import { Clock } from '../clock/clock.js';
import { isTooLate, within } from '../clock/deadline.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { classOf, makerOf, textOf } from '../logging/name-of.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { IceCounts } from '../metrics/ice-counts.js';
import type { ProviderFailure } from '../metrics/ice-counts.js';
import { ICE_DENIED, ICE_FAILED } from '../protocol/error-codes.js';
import { IceProviderSource } from './ice-provider.js';
import type { IceQuestion } from './ice-provider.js';
import { IceServers, isIssued } from './ice-servers.js';
import type { Asker, Told } from './ice-servers.js';
import { readProvided } from './provided-answer.js';

/** Milliseconds that a provider may take. */
const MOST_ASKING_MS = 5000;
/** Milliseconds for which a source is told of a failure, or that there are none for it, without asking again. */
const PAUSE_MS = 1000;
/** Questions that may be open at a time: each is a request to another service. */
const MOST_ASKED = 1000;
/** Sources whose answers are remembered: some 10 MB, and 40 MB of the longest answers. */
const MOST_REMEMBERED = 10_000;

/** The server has stopped, and nobody waits for an answer any more. */
const STOPPED = new Error('the server has stopped');

/** What a source was told, in milliseconds on the monotonic clock. */
interface Remembered {
  readonly told: Told;
  readonly askedAt: number;
  /** When the provider is asked again. */
  readonly until: number;
}

/**
 * The ICE servers of a provider that an operator or an application adds. Owns the time limit, what it answered, and what
 * it is being asked. Does not know who may ask.
 * Invariant: there is one question at a time for a source, MOST_ASKED for all, and nobody is told of another source's
 * answer. A provider that fails issues nothing.
 */
@Injectable()
export class AskedProvider extends IceServers implements OnApplicationShutdown {
  /** By source, those asked about longest ago first. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #asking = new Map<string, Promise<Remembered>>();
  /** Ends the wait of each question. */
  readonly #unanswered = new Set<(error: Error) => void>();
  readonly #log: Log<'ice'>;
  readonly #failures: ThrottledLog<'ice'>;

  constructor(
    private readonly source: IceProviderSource,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly counts: IceCounts,
    logs: Logs,
  ) {
    super();
    this.#log = logs.for('ice');
    this.#failures = new ThrottledLog(this.#log, clock);
  }

  onApplicationShutdown(): void {
    for (const giveUp of this.#unanswered) giveUp(STOPPED);
  }

  /** Returns at once what is remembered. Otherwise asks, or waits for whoever asks already. */
  issue(asker: Asker): Told | Promise<Told> {
    const { source } = asker;
    const remembered = this.#remembered.get(source);
    if (remembered !== undefined && remembered.until > this.clock.monotonic()) return this.#copyOf(remembered);
    let asking = this.#asking.get(source);
    if (asking === undefined) {
      if (this.#asking.size === MOST_ASKED) return this.#failed('busy', 'is asked by as many as may ask at a time');
      asking = this.#ask(asker);
      this.#asking.set(source, asking);
    }
    return asking.then((answered) => this.#copyOf(answered));
  }

  async #ask({ principal, source }: Asker): Promise<Remembered> {
    const askedAt = this.clock.monotonic();
    try {
      const told = await this.#question(principal);
      const now = this.clock.monotonic();
      this.counts.provider.observe((now - askedAt) / 1000);
      const remembered = { told, askedAt, until: isIssued(told) ? askedAt + 500 * told.ttl : now + PAUSE_MS };
      this.#remember(source, remembered, now);
      return remembered;
    } finally {
      this.#asking.delete(source);
    }
  }

  async #question(principal: string | undefined): Promise<Told> {
    const ttl = Math.floor(this.settings.turnTtl / 1000);
    const over = new AbortController();
    let giveUp!: (error: Error) => void;
    const stopped = new Promise<never>((_, reject) => (giveUp = reject));
    this.#unanswered.add(giveUp);
    try {
      const answer = this.#answerOf({ principal, ttl, signal: over.signal });
      const provided = readProvided(await within(this.clock, MOST_ASKING_MS, Promise.race([answer, stopped])), ttl);
      if (provided === false) return ICE_DENIED;
      if (typeof provided === 'string') return this.#failed('nonsense', `answered with ${provided}`);
      const { stunUrls } = this.settings;
      return stunUrls === undefined ? provided : { ...provided, servers: [{ urls: stunUrls }, ...provided.servers] };
    } catch (error) {
      if (error === STOPPED) return ICE_FAILED;
      if (isTooLate(error)) return this.#failed('timeout', `did not answer within ${MOST_ASKING_MS / 1000} s`);
      return this.#failed('failed', `threw ${classOf(error)}`, error);
    } finally {
      this.#unanswered.delete(giveUp);
      over.abort();
    }
  }

  /** Resolves to the provider's answer. Rejects with all that it throws. */
  async #answerOf(question: IceQuestion): Promise<unknown> {
    return lastValue(this.source.provider.iceServers(question));
  }

  #remember(source: string, remembered: Remembered, now: number): void {
    for (const [oldest, { until }] of this.#remembered) {
      if (until > now) break;
      this.#remembered.delete(oldest);
    }
    this.#remembered.delete(source);
    if (this.#remembered.size === MOST_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value!);
    this.#remembered.set(source, remembered);
  }

  /** What was told then, with what is left of its time. */
  #copyOf({ told, askedAt }: Remembered): Told {
    if (!isIssued(told)) return told;
    const passed = (this.clock.monotonic() - askedAt) / 1000;
    const servers = told.servers.map((server) => ({ ...server, urls: [...server.urls] }));
    return { ttl: Math.max(1, Math.floor(told.ttl - passed)), servers };
  }

  /**
   * Logs a provider that fails. What it threw may hold what it was shown, or its own secret, so that text is logged at
   * debug only.
   */
  #failed(failure: ProviderFailure, what: string, error?: unknown): Told {
    this.counts.providerFailures[failure] += 1;
    const name = makerOf(this.source.provider);
    this.#failures.write('ice_provider_failed', { provider: name }, { what });
    if (error !== undefined) this.#log.write('ice_provider_error', { provider: name, error: textOf(error) });
    return ICE_FAILED;
  }
}
