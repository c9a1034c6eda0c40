import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Controller, Get, HttpException, Post, Req, Res } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { Refusal } from '../connection/refusal.js';
import { answerFailure, answerJson } from '../http/json-failure.js';
import { MANAGEMENT } from '../http/management-path.js';
import { Log, Logs } from '../logging/log.js';
import { OperatorCounts } from '../metrics/operator-counts.js';
import type { OperatorOutcome } from '../metrics/operator-counts.js';
import { CensusTaker } from './census.js';
import type { CensusQuestion } from './census.js';
import { Disconnections } from './disconnections.js';
import { readJsonBody } from './json-body.js';
import { OperatorDoor } from './operator-door.js';

/** Bytes of a body: a principal, and room for spaces. */
const MOST_BODY_BYTES = 4096;
/** Principals in an answer. */
const MOST_LISTED = 1000;

const WRONG_BODY = 'The body must be {"principal": "NAME"} and nothing else.';
const WRONG_QUERY = `The query may have limit (1 to ${MOST_LISTED}), after (a principal) and addresses (0 or 1), once each.`;

/** An answer that is not a failure. */
interface Answer {
  readonly body: object;
  readonly outcome: OperatorOutcome;
}

/**
 * Takes what operators order, on the management address only, from clients that show `management-token` (O7). Owns
 * nothing. Does not know how it is done.
 */
@Controller(`${MANAGEMENT}/connections`)
export class OperatorsController {
  readonly #log: Log<'operators'>;

  constructor(
    private readonly door: OperatorDoor,
    private readonly disconnections: Disconnections,
    private readonly census: CensusTaker,
    private readonly audit: Audit,
    private readonly counts: OperatorCounts,
    logs: Logs,
  ) {
    this.#log = logs.for('operators');
  }

  @Post('close')
  close(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    return this.#answer(request, response, async () => {
      const principal = principalIn(await readJsonBody(request, MOST_BODY_BYTES));
      const done = await this.disconnections.close(principal);
      const address = request.socket.remoteAddress;
      this.audit.ordered({ principal, closed: done.closed, nodes: done.nodes, address });
      this.#log.write('close_ordered', { principal, ...done, address });
      return { body: { principal, ...done }, outcome: done.closed > 0 ? 'closed' : 'nobody' };
    });
  }

  @All('close')
  closeOtherwise(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    return this.#answer(request, response, () => notAllowed('POST'));
  }

  @Get()
  list(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    return this.#answer(request, response, () => ({
      body: this.census.take(questionIn(request.url ?? '')),
      outcome: 'listed',
    }));
  }

  @All()
  listOtherwise(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    return this.#answer(request, response, () => notAllowed('GET'));
  }

  /** Nobody without the token learns more than that there is a door. */
  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    work: () => Answer | Promise<Answer>,
  ): Promise<void> {
    try {
      this.door.open(request);
      const { body, outcome } = await work();
      this.counts.outcomes[outcome] += 1;
      answerJson(response, 200, body);
    } catch (error) {
      if (!(error instanceof HttpException)) {
        // The client has gone before its request was whole.
        if (request.destroyed && !request.complete) return;
        throw error;
      }
      this.counts.outcomes[
        error instanceof Refusal && error.reason === 'operator_token' ? 'unauthorized' : 'malformed'
      ] += 1;
      // What of the body is left is not the next request.
      if (!request.complete) response.shouldKeepAlive = false;
      const headers = error instanceof Refusal ? error.headers : {};
      answerFailure(response, error.getStatus(), error.message, headers);
      request.resume();
    }
  }
}

function notAllowed(method: string): never {
  throw new Refusal(405, 'malformed', `This path takes ${method}.`, { headers: { Allow: method } });
}

function principalIn(body: unknown): string {
  if (typeof body !== 'object' || body === null || Object.keys(body).join() !== 'principal') {
    throw new HttpException(WRONG_BODY, 400);
  }
  const { principal } = body as { principal: unknown };
  if (typeof principal !== 'string' || principal === '') throw new HttpException(WRONG_BODY, 400);
  return principal;
}

function questionIn(url: string): CensusQuestion {
  const query = new URL(url, 'http://localhost').searchParams;
  const names = [...query.keys()];
  const {
    limit = String(MOST_LISTED),
    after,
    addresses = '0',
  } = Object.fromEntries(query) as Partial<Record<string, string>>;
  const wrong =
    new Set(names).size < names.length ||
    names.some((name) => !['limit', 'after', 'addresses'].includes(name)) ||
    !/^[1-9]\d{0,3}$/.test(limit) ||
    Number(limit) > MOST_LISTED ||
    !/^[01]$/.test(addresses);
  if (wrong) throw new HttpException(WRONG_QUERY, 400);
  return { limit: Number(limit), after, addresses: addresses === '1' };
}
