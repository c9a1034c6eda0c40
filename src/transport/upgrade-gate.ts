import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { refusalOfCode } from '../auth/certificates/certificate-refusal.js';
import { shownIn } from '../auth/shown-in.js';
import { NO_PRINCIPAL } from '../auth/principal.js';
import { UnnamedProxies } from '../auth/unnamed-proxies.js';
import { UpgradeGuards } from '../auth/upgrade-guards.js';
import type { GuardCheck } from '../auth/upgrade-guards.js';
import { hasPrincipal } from '../auth/upgrade-request.js';
import type { UpgradeRequest } from '../auth/upgrade-request.js';
import { UpgradeResponse } from '../auth/upgrade-response.js';
import { Clock } from '../clock/clock.js';
import { partsOf } from '../connection/connection.js';
import { readAllowance } from '../connection/allowance.js';
import { Refusal } from '../connection/refusal.js';
import { Lifecycle } from '../lifecycle/lifecycle.js';
import { Log, Logs } from '../logging/log.js';
import { nameOf, textOf } from '../logging/name-of.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { Principals } from '../principals/principals.js';
import { ADDRESS_FULL, ConnectionLimits } from './connection-limits.js';
import type { Place } from './connection-limits.js';
import type { Origin } from './plain-connections.js';
import { originAt } from './plain-sockets.js';
import { RefusalLog } from './refusal-log.js';
import { TrustedProxies } from './trusted-proxies.js';
import { DRAINING, refusalOf } from './upgrade-answer.js';

/** The refusal of a request; undefined where it is let in. */
type Judged = Refusal | undefined;

/**
 * Decides which peers are let in. Checks the phase of the server and the limits first, then the guards of the gateway.
 * Owns the check that asks those guards. Knows nothing of sockets or of how a refusal is answered.
 * Invariant: nobody is let in while the server drains, or by a guard that failed.
 */
@Injectable()
export class UpgradeGate {
  readonly #log: Log<'upgrade'>;
  readonly #faults: ThrottledLog<'upgrade'>;
  #guards: GuardCheck | undefined;
  /** Ends the wait of each upgrade that guards have not decided. */
  readonly #undecided = new Set<() => void>();

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly guardsOf: UpgradeGuards,
    private readonly limits: ConnectionLimits,
    private readonly proxies: TrustedProxies,
    private readonly refusals: RefusalLog,
    private readonly unnamed: UnnamedProxies,
    private readonly principals: Principals,
    clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('upgrade');
    this.#faults = new ThrottledLog(this.#log, clock);
    lifecycle.draining.addEventListener('abort', () => {
      for (const refuse of this.#undecided) refuse();
    });
  }

  /** Makes the guards of this gateway decide from now on. */
  askGuardsOf(gateway: object): void {
    this.#guards = this.guardsOf.of(gateway);
  }

  /** Finds out where a request comes from, and takes a place for it. Returns a Refusal if there is no place. */
  place(request: UpgradeRequest): Place | Refusal {
    const origin = this.#locate(request);
    const place = this.#draining() ?? this.limits.take(origin);
    if (place === ADDRESS_FULL) this.unnamed.reached('max-connections-per-ip', origin.network);
    return place;
  }

  /** Finds out where a request comes from. */
  originOf(request: IncomingMessage): Origin {
    const origin = originAt(this.proxies.addressOf(request));
    const unread = this.proxies.unread(request);
    if (unread !== undefined) this.unnamed.seen(origin.network, unread);
    return origin;
  }

  /** Tells the guards where a request comes from. */
  #locate(request: UpgradeRequest): Origin {
    const origin = this.originOf(request);
    request.peerAddress = origin.address;
    request.peerNetwork = origin.network;
    return origin;
  }

  /**
   * Asks the guards, and counts who comes as one of a principal, as long as `place` is taken; with 'rehearsed', only
   * tells whether the principal would have room, and with 'none', not even that. Resolves to undefined if the request is
   * let in. D2: if the server begins to drain meanwhile, that decides, and nobody waits for the guards.
   * What guards change about the request holds only among them, except who the peer is. Never rejects.
   */
  async judge(request: UpgradeRequest, place: Place | 'rehearsed' | 'none'): Promise<Refusal | undefined> {
    if (this.#guards!.ours) return this.#judge(request, place);
    const response = new UpgradeResponse(request);
    request.res = response;
    const { method, headers, peerAddress, peerNetwork } = request;
    // A plain request of Express has a getter of that name.
    Object.defineProperty(request, 'ip', { value: peerAddress, configurable: true });
    const asked = { method, headers: { ...headers }, peerAddress, peerNetwork, res: response };
    const refusal = await this.#judge(request, place);
    try {
      Object.assign(request, asked);
      return response.complete(refusal);
    } catch (error) {
      // Thrown by what a guard has listen for the end of the response, or by a request that it froze.
      this.fault(error);
      return refusalOf(error);
    }
  }

  /** Returns what is decided, or resolves to it. Neither throws nor rejects. */
  #judge(request: UpgradeRequest, place: Place | 'rehearsed' | 'none'): Judged | Promise<Judged> {
    const letIn = (): Judged => this.#revoked(request) ?? this.#draining() ?? this.#join(request, place);
    const keepOut = (error: unknown): Judged => this.#thrown(error, request);
    try {
      const asked = this.#guards!(request);
      return asked === undefined ? letIn() : this.#untilDrain(asked.then(letIn).catch(keepOut));
    } catch (error) {
      return keepOut(error);
    }
  }

  /** Resolves to what is decided, or to the refusal of a server that drains as soon as it begins to. */
  #untilDrain(decided: Promise<Judged>): Promise<Judged> {
    return new Promise((resolve) => {
      const refuse = (): void => resolve(DRAINING);
      this.#undecided.add(refuse);
      void decided.then((refusal) => {
        this.#undecided.delete(refuse);
        resolve(refusal);
      });
    });
  }

  /** Returns the refusal for what a guard threw. */
  #thrown(error: unknown, { peerNetwork }: UpgradeRequest): Refusal {
    const refusal = refusalOf(error);
    if (refusal.reason === 'fault') this.fault(error);
    if (refusal.reason === 'token_throttled') this.unnamed.reached('max-wrong-tokens', peerNetwork);
    return refusal;
  }

  /**
   * Resolves to the refusal that a handshake with the headers of this plain request would get; undefined if it would be
   * let in. Counts and logs everything as for an upgrade, so that the log, the metrics and the status page agree.
   */
  async rehearse(request: UpgradeRequest): Promise<Refusal | undefined> {
    const place = this.place(request);
    // Peers need the place while guards take their time, and the client may be gone by then.
    if (!(place instanceof Refusal)) place.release();
    return this.#reported(request, place instanceof Refusal ? place : await this.judge(request, 'rehearsed'));
  }

  /**
   * Resolves to the refusal that whoever sends this plain request gets from the guards; undefined if they let it in. It is
   * no connection, so limits of connections do not count. Counts and logs a refusal as for an upgrade.
   */
  async admit(request: UpgradeRequest): Promise<Refusal | undefined> {
    this.#locate(request);
    return this.#reported(request, this.#draining() ?? (await this.judge(request, 'none')));
  }

  #reported(request: UpgradeRequest, refusal: Refusal | undefined): Refusal | undefined {
    if (refusal !== undefined) this.refusals.refused(refusal, request.peerAddress, shownIn(request));
    return refusal;
  }

  /**
   * Logs a fault at most once a second: a stranger may cause it. The text of the error may hold what the stranger sent,
   * so it is logged at debug only.
   */
  fault(error: unknown): void {
    this.#log.write('upgrade_error', { error: textOf(error) });
    this.#faults.write('upgrade_undecided', { error: nameOf(error) });
  }

  /** Returns the refusal where a credential was revoked while guards took their time. */
  #revoked({ credential }: UpgradeRequest): Refusal | undefined {
    const revoked = partsOf(credential).find((part) => part.revoked);
    if (revoked === undefined) return undefined;
    return revoked.proof.kind === 'certificate'
      ? refusalOfCode('CERT_REVOKED')
      : new Refusal(401, 'token_revoked', 'This token was revoked.');
  }

  /** L17: only once the guards have said who it is. */
  #join(request: UpgradeRequest, place: Place | 'rehearsed' | 'none'): Refusal | undefined {
    const { principal, limits } = request;
    if (principal === undefined) return undefined;
    // Both may be set by a global guard of an application: CustomGuards judges those of its own.
    if (!hasPrincipal(request)) throw new TypeError(`a guard ${NO_PRINCIPAL}`);
    const allowance = limits === undefined ? undefined : readAllowance(limits);
    if (typeof allowance === 'string') throw new TypeError(`a guard set limits, which ${allowance}`);
    if (place === 'none') return undefined;
    if (place === 'rehearsed') return this.principals.refusal(principal, allowance);
    const ofPrincipal = this.principals.take(principal, allowance);
    if (ofPrincipal instanceof Refusal) return ofPrincipal;
    place.join(ofPrincipal);
    return undefined;
  }

  #draining(): Refusal | undefined {
    return this.lifecycle.phase === 'draining' ? DRAINING : undefined;
  }
}
