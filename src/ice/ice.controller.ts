import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Options, Req, Res, VERSION_NEUTRAL } from '@nestjs/common';
import type { UpgradeRequest } from '../auth/upgrade-request.js';
import { originMatcher } from '../config/origins.js';
import { Settings } from '../config/settings.js';
import { sourceOf } from '../connection/source.js';
import { answerFailure, answerJson } from '../http/json-failure.js';
import { IceCounts } from '../metrics/ice-counts.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { ICE_FAILED, NO_ICE_SERVERS } from '../protocol/error-codes.js';
import type { RequestFault } from '../protocol/error-codes.js';
import { UpgradeGate } from '../transport/upgrade-gate.js';
import { IceDesk } from './ice-desk.js';
import { IceRate } from './ice-rate.js';
import { isIssued } from './ice-servers.js';
import type { Told } from './ice-servers.js';

const VARY = { Vary: 'Origin' };

/**
 * Tells peers of ICE servers over plain HTTP (V13). Owns nothing. Does not decide who may ask: the guards of the gateway
 * do, as for an upgrade. Invariant: whoever the guards would refuse at an upgrade gets no ICE servers.
 */
@Controller({ path: 'ice', version: VERSION_NEUTRAL })
export class IceController {
  readonly #isListed: (origin: string) => boolean;

  constructor(
    { allowedOrigins }: Settings,
    private readonly gate: UpgradeGate,
    private readonly desk: IceDesk,
    private readonly rate: IceRate,
    private readonly counts: IceCounts,
    private readonly limits: LimitCounts,
  ) {
    this.#isListed = allowedOrigins === undefined ? () => true : originMatcher(allowedOrigins);
  }

  /** Answers with what `new RTCPeerConnection` takes, and for how many seconds its credentials hold. */
  @Get()
  async servers(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    const asking = request as UpgradeRequest;
    const cors = this.#cors(request);
    if (this.desk.fault === NO_ICE_SERVERS) return this.#tell(asking, response, NO_ICE_SERVERS, cors);
    const refusal = await this.gate.admit(asking);
    if (refusal !== undefined) {
      this.counts.outcomes.http_refused += 1;
      return answerFailure(response, refusal.getStatus(), refusal.message, { ...refusal.headers, ...cors });
    }
    const { fault } = this.desk;
    if (fault !== undefined) return this.#tell(asking, response, fault, cors);
    const source = sourceOf(asking.principal, asking.peerAddress);
    const wait = this.rate.take(source);
    if (wait !== undefined) {
      this.limits.reached('max-messages-per-second');
      this.counts.outcomes.http_throttled += 1;
      const sentence = 'You ask too often; the setting is max-messages-per-second.';
      return answerFailure(response, 429, sentence, { 'Retry-After': String(wait), ...cors });
    }
    this.#tell(asking, response, await this.desk.ask({ principal: asking.principal, source }), cors);
  }

  /** Answers a preflight (Fetch, section 3.2.2): a browser asks whether a page may send a token, and sends none here. */
  @Options()
  preflight(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    response
      .writeHead(204, {
        Allow: 'GET, HEAD, OPTIONS',
        'Cache-Control': 'no-store',
        ...this.#cors(request),
        'Access-Control-Allow-Methods': 'GET',
        'Access-Control-Allow-Headers': 'Authorization',
        'Access-Control-Max-Age': '600',
      })
      .end();
  }

  #tell(asking: UpgradeRequest, response: ServerResponse, told: Told, cors: Record<string, string>): void {
    // Whoever asked may have gone meanwhile.
    if (response.closed) return;
    if (isIssued(told)) answerJson(response, 200, { iceServers: told.servers, ttl: told.ttl }, cors);
    else {
      const { text, retry } = told;
      const headers = { ...(retry !== undefined && { 'Retry-After': String(Math.ceil(retry / 1000)) }), ...cors };
      answerFailure(response, statusOf(told), `${text[0].toUpperCase()}${text.slice(1)}.`, headers);
    }
    this.desk.told(told, 'http', { address: asking.peerAddress, principal: asking.principal });
  }

  /** What lets a page of an allowed origin read the answer. Other pages cannot read it. */
  #cors({ headers: { origin } }: IncomingMessage): Record<string, string> {
    if (origin === undefined || !this.#isListed(origin)) return VARY;
    return { ...VARY, 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': 'Retry-After' };
  }
}

function statusOf(fault: RequestFault): number {
  if (fault === NO_ICE_SERVERS) return 404;
  return fault === ICE_FAILED ? 503 : 403;
}
