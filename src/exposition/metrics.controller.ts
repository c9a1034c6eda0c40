import { Controller, Get, NotFoundException, Req, Res, UnauthorizedException } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BearerTokens } from '../auth/bearer-tokens.js';
import { mistakeIn, presented } from '../auth/credentials.js';
import { Settings } from '../config/settings.js';
import { MANAGEMENT } from '../http/management-path.js';
import { Exposition } from './exposition.js';

const HOW_TO = 'The metrics need a token of their own: "Authorization: Bearer <metrics-token>".';

/**
 * Serves the metrics in OpenMetrics: on the management address to everyone, in public to clients that show
 * `metrics-token`.
 */
@Controller()
export class MetricsController {
  readonly #token: BearerTokens;

  constructor(
    private readonly exposition: Exposition,
    { metricsToken }: Settings,
  ) {
    this.#token = new BearerTokens(metricsToken === undefined ? [] : [metricsToken]);
  }

  @Get(`${MANAGEMENT}/metrics`)
  async internal(@Res() response: ServerResponse): Promise<void> {
    const text = await this.exposition.text();
    response.writeHead(200, { 'Content-Type': this.exposition.contentType, 'Cache-Control': 'no-store' });
    response.end(text);
  }

  /** 404 if `metrics-token` is not set, as if there were no metrics; 401 for any other token. */
  @Get('metrics')
  async public(@Req() { headers }: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    if (!this.#token.required) throw new NotFoundException();
    const { token, mistake } = presented(headers);
    if (token === undefined || this.#token.find(token) === undefined) {
      const hint = token === undefined ? mistake : mistakeIn(token, headers);
      throw new UnauthorizedException(hint === undefined ? HOW_TO : `${HOW_TO} ${hint}`);
    }
    return this.internal(response);
  }
}
